"""What the pages of versions show: a line for each version, where the draft stands, and what changed between two."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from agents_app.models import Crew, CrewVersion
from agents_app.snapshot import spec_of
from agents_app.versions.queries import VersionPage, latest_of, version_page
from agents_app.versions.spec_diff import FieldChange, changed_fields, same_fields, spec_diff
from agents_app.versions.text_diff import Kind, Segment
from engine.text import counted

VERSIONS_A_PAGE = 20
MAX_ITEMS = 5
"""Changes that a summary names."""
MAX_VALUE_CHARS = 24
"""Of a value that a summary quotes."""
MAX_SHORT_CHARS = 60
"""Of a value that is shown whole beside the other one, not by word."""
MAX_SAME_CHARS = 400
"""Of an unchanged stretch; of a longer one its ends are shown."""
MAX_CHANGED_CHARS = 5_000
"""Of a text that was added or removed; of a longer one its beginning is shown."""
MAX_PAGE_CHARS = 300_000
MAX_CHANGES = 300
END_CHARS = 150


@dataclass(frozen=True, slots=True)
class VersionLine:
    """A version with what changed since the one ``before``, in few words. ``before`` is None for the first one."""

    version: CrewVersion
    summary: str
    before: int | None
    is_draft: bool


@dataclass(frozen=True, slots=True)
class VersionList:
    """``draft`` is None for a crew that has none to edit: an archived one, or a built-in template."""

    lines: tuple[VersionLine, ...]
    next: int | None
    draft: Draft | None


@dataclass(frozen=True, slots=True)
class Draft:
    """Where the draft stands. ``same_as`` is the newest version that equals it; ``summary`` says what changed since the
    ``latest`` one."""

    same_as: int | None
    latest: int | None
    summary: str

    @property
    def next_number(self) -> int:
        return (self.latest or 0) + 1

    @property
    def is_latest(self) -> bool:
        return self.same_as is not None and self.same_as == self.latest


@dataclass(frozen=True, slots=True)
class Part:
    """A stretch of a text, without ``more`` characters between ``text`` and ``rest``."""

    kind: Kind
    text: str
    more: int = 0
    rest: str = ""


@dataclass(frozen=True, slots=True)
class ShownChange:
    """One field. ``is_short``: ``old`` and ``new`` are shown, which say it where nothing is set; else ``parts`` are."""

    label: str
    old: str
    new: str
    is_short: bool
    parts: tuple[Part, ...]
    note: str


@dataclass(frozen=True, slots=True)
class ShownDiff:
    """``groups`` are the changes of the crew, of each agent and of each task. ``left_out`` changes are not shown."""

    groups: tuple[tuple[str, tuple[ShownChange, ...]], ...]
    changed: int
    same: int
    left_out: int
    about: str
    shown: int = MAX_CHANGES


def version_list(crew: Crew, *, below: int | None) -> VersionList:
    """One page of a crew's versions, newest first."""
    draft = None if crew.archived_at or crew.builtin_key else draft_of(crew)
    found = version_page(crew, below=below, limit=VERSIONS_A_PAGE)
    return VersionList(tuple(_lines(found, draft)), found.next, draft)


def draft_of(crew: Crew) -> Draft:
    spec, latest = spec_of(crew), latest_of(crew)
    if latest is None:
        return Draft(None, None, "")
    same = crew.versions.filter(content_hash=spec.content_hash).order_by("-number").values_list("number", flat=True)
    return Draft(same.first(), latest.number, few_words(changed_fields(latest.spec, spec.to_json())))


def shown_diff(old: dict[str, Any], new: dict[str, Any]) -> ShownDiff:
    """The changes between two crews' JSON as a page shows them."""
    changes = spec_diff(old, new)
    budget = _Budget(MAX_PAGE_CHARS)
    shown = [(change, _shown(change, budget)) for change in changes[:MAX_CHANGES]]
    groups = groupby(shown, key=lambda pair: _owner(pair[0]))
    return ShownDiff(
        groups=tuple((owner, tuple(each for _, each in pairs)) for owner, pairs in groups),
        changed=len(changes),
        same=same_fields(old, new),
        left_out=max(0, len(changes) - MAX_CHANGES),
        about=_about(changes),
    )


def shown_changes(changes: Sequence[FieldChange]) -> list[ShownChange]:
    """Single changes as a page shows them, within what a page may show in all."""
    budget = _Budget(MAX_PAGE_CHARS)
    return [_shown(change, budget) for change in changes]


def few_words(changes: Sequence[FieldChange]) -> str:
    """The first changes by agent and task: "lead: model gpt-4o → gpt-4o-mini; task check added; and 3 more"."""
    said = []
    for owner, each in groupby(changes[:MAX_ITEMS], key=_owner):
        fields = list(each)
        said.append(_in_words(owner, fields))
    more = len(changes) - MAX_ITEMS
    return "; ".join(said) + (f"; and {more} more" if more > 0 else "")


def _lines(found: VersionPage, draft: Draft | None) -> Iterator[VersionLine]:
    befores = (*found.items[1:], found.before)
    newest_same = draft.same_as if draft else None
    for version, before in zip(found.items, befores, strict=False):
        summary = few_words(changed_fields(before.spec, version.spec)) if before else _first(version)
        yield VersionLine(version, summary, before.number if before else None, version.number == newest_same)


def _first(version: CrewVersion) -> str:
    agents, tasks = (len(version.spec.get(kind, ())) for kind in ("agents", "tasks"))
    return f"the first: {counted(agents, 'agent')}, {counted(tasks, 'task')}"


def _owner(change: FieldChange) -> str:
    return change.label.partition(" · ")[0]


def _in_words(owner: str, changes: Sequence[FieldChange]) -> str:
    """An agent or a task by its key, the crew's own fields by themselves."""
    kind, _, key = owner.partition(" ")
    if changes[0].label == owner:
        return f"{kind.lower()} {key} {'added' if changes[0].old is None else 'removed'}"
    if kind in ("Agents", "Tasks"):
        return f"order of {kind.lower()}"
    fields = ", ".join(map(_field_in_words, changes))
    return f"{key}: {fields}" if key else fields


def _field_in_words(change: FieldChange) -> str:
    label = change.label.partition(" · ")[2]
    if change.old and change.new and all(_is_within(value, MAX_VALUE_CHARS) for value in (change.old, change.new)):
        return f"{label} {change.old} → {change.new}"
    return label


def _is_within(value: str, chars: int) -> bool:
    return len(value) <= chars and "\n" not in value


def _about(changes: Sequence[FieldChange]) -> str:
    """Where the changes are: "in 1 agent and 2 tasks"."""
    owners = {_owner(change) for change in changes}
    counts = [(sum(owner.startswith(f"{word} ") for owner in owners), word.lower()) for word in ("Agent", "Task")]
    places = [counted(count, word) for count, word in counts if count]
    places += ["the crew itself"] if owners & {"Crew", "Agents", "Tasks"} else []
    return " and ".join(filter(None, (", ".join(places[:-1]), *places[-1:])))


@dataclass(slots=True)
class _Budget:
    """How many characters a page may still show."""

    chars: int

    def within(self, text: str, most: int) -> str:
        shown = text[: min(most, self.chars)]
        self.chars -= len(shown)
        return shown


def _shown(change: FieldChange, budget: _Budget) -> ShownChange:
    owner, _, label = change.label.partition(" · ")
    is_short = all(_is_within(value or "", MAX_SHORT_CHARS) for value in (change.old, change.new))
    return ShownChange(
        label=label or ("removed" if change.new is None else "added"),
        old=_value(change.old),
        new=_value(change.new),
        is_short=is_short and change.label != owner,
        parts=() if is_short and change.label != owner else tuple(_part(segment, budget) for segment in change.words),
        note=change.note,
    )


def _value(text: str | None) -> str:
    return "not set" if text is None else text or "empty"


def _part(segment: Segment, budget: _Budget) -> Part:
    kind, text = segment
    if kind == "same" and len(text) > MAX_SAME_CHARS:
        start, rest = budget.within(text, END_CHARS), budget.within(text[-END_CHARS:], END_CHARS)
        return Part(kind, start, len(text) - len(start) - len(rest), rest)
    shown = budget.within(text, MAX_CHANGED_CHARS)
    return Part(kind, shown, len(text) - len(shown))
