"""Who is in a crew: the agents and tasks that it lists, or that it may have where code puts them together."""

from __future__ import annotations

import posixpath

from agents_app.formats.report import NOWHERE, Place, UnreadableError, at_line, listed
from agents_app.formats.to_spec.fields import Reading
from agents_app.formats.to_spec.members import Roster, listed_by, wanted
from agents_app.formats.to_spec.values import Constant, Definition, Field, Kind, Unknown, Value, settled

MAX_MEMBERS = 300


def roster_of(kind: Kind, pool: list[Definition], crews: list[Definition], place: Place, reading: Reading) -> Roster:
    """An empty roster for the crew at a place; ``pool`` and ``crews`` are all that the source defines."""
    roster = Roster(kind, reading, nearest_last(pool, place.file))
    for crew in crews:
        values = listed_by(crew.fields.get(f"{kind}s")) or []
        reading.budget.pay_looking(len(values))
        roster.listed |= {id(value) for value in values}
    return roster


def nearest_last(pool: list[Definition], file: str) -> list[Definition]:
    """The definitions in order; those of files nearer to this one come later, so that a name means the nearest."""
    if len({definition.place.file for definition in pool}) < 2:
        return pool
    parts = file.split("/")
    return sorted(pool, key=lambda made: len(posixpath.commonprefix([made.place.file.split("/"), parts])))


def enlist(field: Field | None, roster: Roster, *, made: Place | None) -> None:
    """Fills a roster with what the crew lists, or with all definitions if its list is made by code.

    ``made``: where the crew is made, if the source makes one: definitions of that file are meant rather than others.
    """
    roster.reading.budget.at(field.place if field else made or NOWHERE)
    values = _listed(field, roster, made)
    place = field.place if field else made or NOWHERE
    for value in _latest(roster, roster.pool) if values is None else values:
        member = wanted(value, roster, place=place)
        if member is not None:
            roster.add(member)
        elif not isinstance(value, Constant):
            roster.reading.tally.members[roster.kind] += 1
            roster.reading.tally.lost_members[roster.kind] += 1
            message = f"One of the crew's {roster.kind}s is made by code that could not be followed; it was left out."
            roster.reading.report.warn(place, message)


def _listed(field: Field | None, roster: Roster, made: Place | None) -> list[Value] | None:
    """What the crew lists, or may have where code makes its list; None for all definitions."""
    absent = roster.reading.absent
    values = listed_by(field)
    if values and all(isinstance(value, Unknown) and value.source and not absent.origin(value) for value in values):
        values = None
    place = field.place if field else made or NOWHERE
    if values is not None and len(values) > MAX_MEMBERS:
        message = f"the crew lists {len(values):,} {roster.kind}s; at most {MAX_MEMBERS} are read."
        raise UnreadableError(at_line(place, message), place)
    whole = settled(field.value) if field and values is None else None
    origin = absent.origin(whole) if whole else None
    if whole and origin and not _takes(whole, roster.kind):
        absent.say(origin, roster.reading.report, f"the crew's {roster.kind}s")
        roster.is_absent = True
        return []
    in_code = any(one.origin is not None for one in roster.pool)  # a YAML file's entries are its crew's
    if values is None and made is not None and (field is not None or in_code):
        how = "are put together by code" if field is not None else "are not listed"
        values, message = _near(roster, made.file, how)
        if values or field is not None:
            (roster.reading.report.warn if values else roster.reading.report.error)(place, message)
    return values


def _takes(made: Value, kind: Kind) -> bool:
    """Whether a call is given agents, or tasks, so that those which it gives may be of the source."""
    given = [*made.args, *made.fields.values()] if isinstance(made, Definition) else []
    values = (settled(item) for field in given for item in listed_by(field) or [field.value])
    return any(isinstance(value, Definition) and value.kind == kind for value in values)


def _near(roster: Roster, beside: str, how: str) -> tuple[list[Value], str]:
    """What a crew may have whose members code puts together, or that lists none: those of its file, else what no crew
    lists of its folder; and the words to say so."""
    kind = roster.kind
    message = f"The crew's {kind}s {how}: "
    own = [made for made in roster.pool if made.place.file == beside]
    if own:
        return list(_latest(roster, own)), f"{message}all {kind}s of its file were taken."
    folder = posixpath.dirname(beside)
    near = [
        made for made in roster.pool if posixpath.dirname(made.place.file) == folder and id(made) not in roster.listed
    ]
    if near:
        files = listed(dict.fromkeys(f"`{made.place.file}`" for made in near))
        return list(_latest(roster, near)), f"{message}all {kind}s of {files} were taken."
    return [], f"{message}none of its file or folder was found; add {kind}s."


def _latest(roster: Roster, near: list[Definition]) -> list[Definition]:
    """All definitions except those whose name the source gives to a later one."""
    if len(near) > MAX_MEMBERS:
        raise UnreadableError(f"The source makes more than {MAX_MEMBERS} {roster.kind}s; import a part of it.")
    for definition in near:
        if definition.replaced:
            message = (
                f"`{definition.name}` is defined again in line {definition.replaced.line}; the later one was taken."
            )
            roster.reading.report.info(definition.place, message)
    return [definition for definition in near if not definition.replaced]
