"""People's verbs on checks against providers: read an export and keep what it says beside the ledger, say to which key
one of theirs belongs, compare once more, and remove. The caller decides through ``teams.access`` who may.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date

from django.db import transaction

from engine.catalogue.model_ids import NOT_MODEL_PROVIDERS, PROVIDERS
from engine.text import is_storable, storable, storable_json
from runs.models import ExportColumns, Reconciliation, TheirKey
from runs.reconciliation.matching.comparison import NOT_OURS
from runs.reconciliation.matching.ours import Ours
from runs.reconciliation.queries import checks_of, our_cells, our_keys, remembered_choice
from runs.reconciliation.reading.apart import Preview, Reading, read_apart
from runs.reconciliation.reading.cells_of_days import Theirs
from runs.reconciliation.reading.decoding import decoded
from runs.reconciliation.reading.lines import MAX_NAME_CHARS, MOST_FAULTS, Unreadable
from teams.access import Principal
from teams.audit.record import record
from teams.models import Team
from teams.refusals import Busy, Invalid, Refusal
from teams.work_bounds import RETRY_AFTER_S, Places

MAX_EXPORT_BYTES = 3_000_000
MAX_BYTES_AT_ONCE = 9_000_000
MOST_FILES = 12
MOST_KEPT = 100
MOST_KEYS = 500
"""Keys of a provider that are said at once."""
MOST_SAID = 5_000
"""Keys of providers that a team has said something about."""
MOST_COLUMNS = 500
"""Tables whose columns a team has said."""
NOT_REMEMBERED = (
    f"What its columns are is not remembered for the next file: the team has said it of {MOST_COLUMNS} tables already."
)
MODEL_PROVIDERS = {name: shown for name, shown in PROVIDERS.items() if name not in NOT_MODEL_PROVIDERS}

READING_PLACES = Places(2, "Two exports are being read. Nothing of this one was kept; send it again in a minute.")


@dataclass(frozen=True, slots=True)
class ExportChoice:
    """What a person says about the files. "" is for what they tell themselves.

    ``columns``: the place of each meaning (``reading.chosen.HINTS``) in a CSV of another program, from 0. ``mark``:
    what stands before decimals. ``order``: dmy or mdy. ``amounts_in``: usd or cents. ``cached_tokens``: apart, if the
    prompt does not include them. ``doubled``: once or twice, of rows that stand twice.
    """

    provider: str = ""
    columns: Mapping[str, int] = field(default_factory=dict)
    mark: str = ""
    order: str = ""
    amounts_in: str = ""
    cached_tokens: str = ""
    doubled: str = ""


class Unread(Invalid):
    """``told``: a sentence for each line that is wrong."""

    code = "unreadable_export"

    def __init__(self, message: str, told: Sequence[str] = ()) -> None:
        super().__init__(message, fields={"uploads": " ".join([message, *told])})
        self.told = tuple(told)


class ColumnsNeeded(Invalid):
    """The file is a table of no provider that is known here: a person has to say what its columns are."""

    code = "columns_needed"

    def __init__(self, preview: Preview, text: str, problem: str = "") -> None:
        head = ", ".join(f"{place}: {name}" for place, name in enumerate(preview.head))
        message = problem or "This is a table of no provider that is known here. Say which of its columns is what."
        super().__init__(message, fields={"columns": f"{message} It has {head}."})
        self.preview = preview
        self.text = text
        self.problem = problem


@dataclass(frozen=True, slots=True)
class ReadExport:
    """Files that were read and are not kept yet."""

    name: str
    theirs: Theirs
    notes: Sequence[str]
    choice: ExportChoice
    digest: str


def read_exports(who: Principal, files: Sequence[tuple[str, bytes]], choice: ExportChoice) -> ReadExport:
    """Reads files of one provider, by name and content, and writes nothing. Raises ``Unread``, ``ColumnsNeeded``, or
    ``Busy`` if much else is read."""
    _look_at(who, files, choice)
    texts, notes = [], []
    for name, data in files:
        shown = _one_line(name)
        try:
            text, guessed = decoded(data)
        except Unreadable as error:
            raise Unread(f"“{shown}”: {error}") from error
        texts.append((shown, text))
        notes += [f"“{shown}”: {note}" for note in guessed]
    with READING_PLACES.one():
        reading, said = _read(who, texts, choice)
    if reading.preview is not None:
        raise ColumnsNeeded(reading.preview, texts[0][1], reading.problem)
    if reading.theirs is None:
        raise _unread(reading)
    if choice.provider and reading.theirs.provider not in ("", choice.provider):
        theirs, chosen = MODEL_PROVIDERS[reading.theirs.provider], MODEL_PROVIDERS[choice.provider]
        raise Unread(f"This is an export of {theirs}, and {chosen} was chosen. Nothing was kept.")
    notes += [what if count == 1 else f"{what} (in {count:,} lines)" for what, count in reading.theirs.left_out]
    name = _one_line(", ".join(name for name, _ in texts if name)) or "pasted text"
    return ReadExport(name, reading.theirs, notes, said, reading.digest)


def keep(who: Principal, read: ReadExport) -> Reconciliation:
    """Keeps what was read beside what the ledger has now."""
    provider = read.theirs.provider or read.choice.provider
    since, until = date.fromisoformat(read.theirs.since), date.fromisoformat(read.theirs.until)
    ours = our_cells(who, provider, since, until)
    with transaction.atomic():
        # The team's row is the lock: two uploads at once must not both take the last place.
        Team.objects.select_for_update(no_key=True).get(pk=who.team.pk)
        _refuse_too_many(who)
        is_remembered = not (read.digest and read.choice.columns) or _remember_columns(who, read)
        notes = [*read.notes, *(() if is_remembered else (NOT_REMEMBERED,))]
        return _keep(who, read.name, provider, read.theirs, ours, notes)


def compare_again(who: Principal, check: Reconciliation) -> Reconciliation:
    """A new check of the same export against the ledger as it is now; the old one stays."""
    theirs = Theirs.from_json(check.theirs)
    ours = our_cells(who, check.provider, check.since, check.until)
    with transaction.atomic():
        Team.objects.select_for_update(no_key=True).get(pk=who.team.pk)
        _refuse_too_many(who)
        return _keep(who, check.name, check.provider, theirs, ours, check.notes)


def say_keys(who: Principal, provider: str, said: Mapping[str, str]) -> None:
    """Remembers to which of the team's keys each of the provider's belongs; ``NOT_OURS`` for one of another program, ""
    forgets what was said. It holds for earlier checks too. ``provider`` "": of exports that name none."""
    refuse_unknown(provider)
    known = {*our_keys(who, provider), NOT_OURS, ""}
    if len(said) > MOST_KEYS:
        raise Invalid(f"Nothing was remembered: say at most {MOST_KEYS} keys at once.")
    wrong = {
        name: f"There is no key {key[:MAX_NAME_CHARS]} of yours." for name, key in said.items() if key not in known
    }
    wrong |= {
        name: "It is no name of a key." for name in said if not 0 < len(name) <= MAX_NAME_CHARS or not is_storable(name)
    }
    if wrong:
        raise Invalid("Nothing was remembered.", fields=wrong)
    with transaction.atomic():
        Team.objects.select_for_update(no_key=True).get(pk=who.team.pk)  # two at once must not both take the last place
        ours = TheirKey.objects.filter(team=who.team)
        before = ours.count()
        ours.filter(provider=provider, name__in=[name for name, credential in said.items() if not credential]).delete()
        TheirKey.objects.bulk_create(
            [
                TheirKey(team=who.team, provider=provider, name=name, credential=credential, said_by=who.user)
                for name, credential in said.items()
                if credential
            ],
            update_conflicts=True,
            unique_fields=["team", "provider", "name"],
            update_fields=["credential", "said_by"],
        )
        after = ours.count()
        if after > MOST_SAID and after > before:
            raise Invalid(
                f"Nothing was remembered: a team says at most {MOST_SAID:,} keys, and these would make it {after:,}. "
                "Forget some that no export names any more."
            )
        keys = ", ".join(f"{name}: {credential or 'forgotten'}" for name, credential in said.items())
        record(who, "export.keys_said", who.team, name=provider or "any provider", keys=keys)


def refuse_unknown(provider: str) -> None:
    """Raises ``Invalid`` for a provider that there is not. "" is none, and may be."""
    if provider and provider not in MODEL_PROVIDERS:
        raise Invalid("There is no such provider.", fields={"provider": f"Choose of {', '.join(MODEL_PROVIDERS)}."})


@transaction.atomic
def remove(who: Principal, check: Reconciliation) -> None:
    """Removes a check. What was said about keys and columns stays."""
    record(who, "check.removed", check, file=check.name)
    check.delete()


def _look_at(who: Principal, files: Sequence[tuple[str, bytes]], choice: ExportChoice) -> None:
    if not files or len(files) > MOST_FILES:
        raise Unread(f"Send one file, or up to {MOST_FILES} of one provider.")
    refuse_unknown(choice.provider)
    for name, data in files:
        if len(data) > MAX_EXPORT_BYTES:
            most = f"{MAX_EXPORT_BYTES // 1_000_000} MB"
            raise Unread(f"“{_one_line(name)}” is larger than {most}. Export by day, or fewer days at once.")
    if sum(len(data) for _, data in files) > MAX_BYTES_AT_ONCE:
        raise Unread(f"The files are larger than {MAX_BYTES_AT_ONCE // 1_000_000} MB together.")
    _refuse_too_many(who)


def _remember_columns(who: Principal, read: ReadExport) -> bool:
    """Whether there was a place for it. To be called with the team's row locked."""
    ours = ExportColumns.objects.filter(team=who.team)
    if not ours.filter(digest=read.digest).exists() and ours.count() >= MOST_COLUMNS:
        return False
    said = {"choice": asdict(read.choice) | {"doubled": ""}, "said_by": who.user}
    ours.update_or_create(team=who.team, digest=read.digest, defaults=said)
    return True


def _refuse_too_many(who: Principal) -> None:
    if checks_of(who).count() >= MOST_KEPT:
        raise Unread(f"A team keeps at most {MOST_KEPT} checks. Remove some that nobody needs any more.")


def _read(who: Principal, texts: Sequence[tuple[str, str]], choice: ExportChoice) -> tuple[Reading, ExportChoice]:
    """The reading, with the columns that the team chose for such a file before, if nobody chooses now."""
    reading = read_apart(texts, asdict(choice))
    if reading.preview is not None and not choice.columns:
        kept = remembered_choice(who, reading.preview.digest)
        if kept is not None:
            typed = {name: value for name, value in asdict(choice).items() if value}
            choice = ExportChoice(**(dict(kept) | typed))
            reading = read_apart(texts, asdict(choice))
    return reading, choice


def _unread(reading: Reading) -> Refusal:
    if reading.is_busy:
        return Busy(reading.problem, retry_after_s=RETRY_AFTER_S)
    if reading.problem:
        return Unread(reading.problem)
    several = len({name for name, _, _ in reading.faults}) > 1
    told = [f"{f'“{name}”, ' if several else ''}line {place}: {why}" for name, place, why in reading.faults]
    more = reading.fault_count - len(told)
    if more > 0 and len(told) >= MOST_FAULTS:
        told.append(f"So it is with {more:,} more.")
    if reading.fault_count == 1:
        return Unread("Nothing was kept: one line cannot be read.", told)
    return Unread(f"Nothing was kept: {reading.fault_count:,} lines cannot be read.", told)


def _keep(who: Principal, name: str, provider: str, theirs: Theirs, ours: Ours, notes: Sequence[str]) -> Reconciliation:
    tells_cost = "cost" in theirs.tells
    check = Reconciliation.objects.create(
        team=who.team,
        made_by=who.user,
        name=name,
        provider=provider,
        since=theirs.since,
        until=theirs.until,
        theirs_nusd=sum(cell.nusd or 0 for cell in theirs.cells) if tells_cost else None,
        ours_nusd=sum(cell.nusd for cell in ours.cells),
        theirs=storable_json(theirs.to_json()),
        ours=ours.to_json(),
        notes=storable_json(list(notes)),
    )
    check.refresh_from_db(fields=["made_at", "since", "until"])
    record(who, "check.made", check, file=name)
    return check


def _one_line(name: str) -> str:
    return " ".join(storable(name, nul=" ").split())[:MAX_NAME_CHARS]
