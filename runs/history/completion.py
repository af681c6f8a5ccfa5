"""What can be written at a place of the filter: fields, then values of a field that the team's runs have.

Values come from crews, members, rollups and the newest runs, so that the time does not grow with the team's history.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import islice

from django.db import connection
from django.db.models import Q

from agents_app.models import Crew
from runs.history.fields.registry import FIELDS
from runs.history.fields.words import QUOTE, Quotable, quoted, words_of
from runs.history.filters import MAX_CHARS
from runs.models import Batch
from runs.typed_values import Completion, Option, uuid_or_none
from teams.access import Principal, visible_to
from teams.models import User

MOST = 12
NEWEST_RUNS = 200
NEWEST_SUMS = 2_000
VALUE_CHARS = 100
IN_NEWEST = f" in the newest {NEWEST_RUNS} runs"
_MODELS = """
    SELECT model, sum(calls) FROM (
        (SELECT model, calls FROM runs_callsum
         WHERE team_id = %(team)s AND NOT simulated ORDER BY hour DESC LIMIT %(sums)s)
        UNION ALL
        (SELECT model, calls FROM runs_callsum
         WHERE team_id = %(team)s AND simulated ORDER BY hour DESC LIMIT %(sums)s)
    ) AS newest WHERE model <> '' GROUP BY model ORDER BY 2 DESC, 1
"""
_AGENTS = """
    SELECT call.agent, count(*)
    FROM (SELECT id FROM runs_run WHERE team_id = %(team)s ORDER BY id DESC LIMIT %(runs)s) AS newest
    JOIN runs_call AS call ON call.run_id = newest.id
    WHERE call.agent <> '' GROUP BY call.agent ORDER BY 2 DESC, 1
"""
_TOOLS = """
    SELECT call.tool, count(*)
    FROM (SELECT id FROM runs_run WHERE team_id = %(team)s ORDER BY id DESC LIMIT %(runs)s) AS newest
    JOIN runs_call AS call ON call.run_id = newest.id
    WHERE call.kind = 'tool' AND call.tool <> '' GROUP BY call.tool ORDER BY 2 DESC, 1
"""
_ERRORS = """
    SELECT error_code, count(*)
    FROM (SELECT error_code FROM runs_run
          WHERE team_id = %(team)s AND error <> '' ORDER BY id DESC LIMIT %(runs)s) AS newest
    WHERE error_code <> '' GROUP BY error_code ORDER BY 2 DESC, 1
"""
_TAGS = """
    SELECT label.key,
           CASE WHEN json_typeof(label.value) IN ('object', 'array') THEN ''
                ELSE coalesce(label.value #>> '{}', 'null') END,
           count(*)
    FROM (SELECT metadata FROM runs_run WHERE team_id = %(team)s ORDER BY id DESC LIMIT %(runs)s) AS newest
    CROSS JOIN LATERAL json_each(newest.metadata) AS label (key, value)
    WHERE length(label.key) <= %(chars)s GROUP BY 1, 2 ORDER BY 3 DESC, 1, 2
"""


def completion(who: Principal, text: str, at: int) -> Completion:
    """For a filter in which somebody types at the character ``at``. One query at most."""
    text = text[:MAX_CHARS]
    at = max(0, min(at, len(text)))
    word = next((word for word in words_of(text)[0] if word.start < at <= word.end), None)
    if word is None:
        return Completion(at, at, tuple(islice(_fields("", ""), len(FIELDS))))
    typed = words_of(text[word.start : at])[0][0]
    minus = "-" if typed.whole.begins("-") else ""
    if typed.name in FIELDS:
        options = _values(who, minus, typed.name, typed.value)
    elif typed.name or QUOTE in text[word.start : at]:
        options = iter(())
    else:
        options = _fields(minus, typed.whole.text.removeprefix(minus).lower())
    return Completion(word.start, word.end, tuple(islice(options, MOST)))


def _fields(minus: str, begins: str) -> Iterator[Option]:
    for field in FIELDS.values():
        if field.name.startswith(begins):
            yield Option(f"{minus}{field.name}:", f"{minus}{field.name}:", field.about, goes_on=True)


def _values(who: Principal, minus: str, name: str, value: Quotable) -> Iterator[Option]:
    """Those that hold what was typed, behind the last comma where a field takes several."""
    earlier = value.split(",")[:-1] if FIELDS[name].several else []
    part = value.split(",")[-1] if FIELDS[name].several else value
    before = "".join(f"{quoted(each.text)}," for each in earlier)
    typed = part.text.removeprefix("=").lower()
    values = SOURCES[name](who, typed) if name in SOURCES else ((each, "") for each in FIELDS[name].examples)
    for found, about in values:
        if typed in f"{found} {about}".replace(QUOTE, "").lower():
            yield Option(f"{minus}{name}:{before}{found}", found.removeprefix("=").replace(QUOTE, ""), about)


def _crews(who: Principal, typed: str) -> Iterator[tuple[str, str]]:
    crews = visible_to(who, Crew).filter(builtin_key="").filter(Q(slug__icontains=typed) | Q(name__icontains=typed))
    for slug, name in crews.order_by("name").values_list("slug", "name")[:MOST]:
        yield f"={slug}", name[:VALUE_CHARS]


def _batches(who: Principal, typed: str) -> Iterator[tuple[str, str]]:
    """By name, the newest first; by their id where that is typed, or where two of those found are called alike."""
    batches = visible_to(who, Batch).filter(Q(name__icontains=typed) | Q(crew__name__icontains=typed))
    if typed_id := uuid_or_none(typed):
        batches = visible_to(who, Batch).filter(pk=typed_id)
    found = list(batches.order_by("-pk").values_list("pk", "name", "crew__name", "created_at")[:MOST])
    names = [name for _, name, _, _ in found]
    for pk, name, crew, created_at in found:
        by_name = not typed_id and QUOTE not in name and names.count(name) == 1
        about = f"{crew[:VALUE_CHARS]}, {created_at:%d %b %H:%M} UTC"
        yield f"={quoted(name)}" if by_name else str(pk), about if by_name else f"{name}, {about}"


def _people(who: Principal, typed: str) -> Iterator[tuple[str, str]]:
    yield "me", "what you launched"
    people = User.objects.filter(memberships__team=who.team).filter(
        Q(email__icontains=typed) | Q(name__icontains=typed)
    )
    for email, name in people.order_by("name", "email").values_list("email", "name")[:MOST]:
        yield f"={email}", name


def _counted(sql: str, what: str, where: str = "") -> Callable[[Principal, str], Iterator[tuple[str, str]]]:
    """Values that a statement counts, the most frequent first."""

    def read(who: Principal, typed: str) -> Iterator[tuple[str, str]]:
        for value, count in _rows(who, sql):
            yield f"={quoted(value)}", f"{count:,} {what}{'s' if int(count) != 1 else ''}{where}"

    return read


def _tags(who: Principal, typed: str) -> Iterator[tuple[str, str]]:
    """The labels, then the labels with their values."""
    rows = _rows(who, _TAGS)
    yield from ((quoted(key), "with any value") for key in dict.fromkeys(key for key, _, _ in rows))
    for key, value, count in rows:
        if value and QUOTE not in value and len(value) <= VALUE_CHARS:
            yield f"{quoted(key)}={quoted(value)}", f"{count:,} of the newest runs"


def _rows(who: Principal, sql: str) -> list[tuple[str, ...]]:
    values = {"team": who.team.pk, "runs": NEWEST_RUNS, "sums": NEWEST_SUMS, "chars": VALUE_CHARS}
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return [row for row in cursor.fetchall() if QUOTE not in row[0]]


SOURCES: Mapping[str, Callable[[Principal, str], Iterator[tuple[str, str]]]] = {
    "crew": _crews,
    "batch": _batches,
    "by": _people,
    "model": _counted(_MODELS, "call"),
    "agent": _counted(_AGENTS, "call", IN_NEWEST),
    "tool": _counted(_TOOLS, "call", IN_NEWEST),
    "error": _counted(_ERRORS, "run", " of late"),
    "tag": _tags,
}
"""By field: values of the team's own as they are typed, and a word about each. Other fields offer their examples."""
