"""What changed between two crews: the fields that differ, texts by word, and how many fields are the same.

Agents and tasks are matched by key. The work is bounded by ``text_diff.Steps``, so it is done on a page's thread.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from agents_app.versions.spec_fields import SpecField, crew_fields, part_fields, part_text
from agents_app.versions.text_diff import Segment, Steps, TextDiff, list_diff, text_diff
from engine.spec.crew_spec import AgentSpec, CrewSpec, TaskSpec


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One field that differs, or an agent or a task that was added or removed.

    ``path`` is by keys, as in complaints (``tasks.summary.description``); ``label`` is for people ("Task summary ·
    description"). ``old`` and ``new`` are the values as text, None where nothing is set. ``words`` are the parts of
    both texts in order. ``note`` says how they were compared, if not by word or item: too much changed.
    """

    path: str
    label: str
    old: str | None
    new: str | None
    words: Sequence[Segment]
    note: str = ""


@dataclass(frozen=True, slots=True)
class _Pair:
    """A field on both sides; None where the side does not have it."""

    owner: str
    old: SpecField | None
    new: SpecField | None

    @property
    def field(self) -> SpecField:
        field = self.new or self.old
        assert field is not None
        return field

    @property
    def texts(self) -> tuple[str | None, str | None]:
        return (self.old.text if self.old else None, self.new.text if self.new else None)

    @property
    def differs(self) -> bool:
        """A default that a missing part lacks is no difference: what is missing is said by what is stated."""
        old, new = self.texts
        return old != new and self.is_stated

    @property
    def is_stated(self) -> bool:
        return any(field is not None and field.is_stated for field in (self.old, self.new))


@dataclass(frozen=True, slots=True)
class SpecDiff:
    """``changes`` as of ``spec_diff``; ``same`` as of ``same_fields``."""

    changes: Sequence[FieldChange]
    same: int


def diff_of(old: CrewSpec, new: CrewSpec) -> SpecDiff:
    """Both from one look at the fields."""
    steps = Steps()
    changes, same = [], 0
    for pair in _pairs(old, new):
        before, after = pair.texts
        if not pair.is_stated:
            continue
        if before == after:
            same += 1
        else:
            changes.append(_change(pair, before, after, steps))
    return SpecDiff(changes, same)


def spec_diff(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[FieldChange]:
    """The fields that differ between two crews' JSON: the crew's own, then agents, then tasks, in the new one's order.

    It is empty if, and only if, both have the same content hash. Raises ``pydantic.ValidationError`` for what is no
    crew, which no version holds.
    """
    return list(diff_of(CrewSpec.from_json(old), CrewSpec.from_json(new)).changes)


def changed_fields(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[FieldChange]:
    """As ``spec_diff``, without ``words``: for a summary in few words."""
    pairs = _pairs(CrewSpec.from_json(old), CrewSpec.from_json(new))
    return [FieldChange(pair.field.path, _label(pair), *pair.texts, ()) for pair in pairs if pair.differs]


def same_fields(old: Mapping[str, Any], new: Mapping[str, Any]) -> int:
    """How many fields are the same on both sides, without those that neither states and that are at their default."""
    pairs = _pairs(CrewSpec.from_json(old), CrewSpec.from_json(new))
    return sum(pair.is_stated and not pair.differs for pair in pairs)


def _change(pair: _Pair, old: str | None, new: str | None, steps: Steps) -> FieldChange:
    if old and new:
        diff = list_diff(old, new, steps) if pair.field.is_list else text_diff(old, new, steps)
    else:
        diff = TextDiff((("removed", old),) if old else (("added", new),) if new else ())
    return FieldChange(pair.field.path, _label(pair), old, new, diff.segments, diff.note)


def _label(pair: _Pair) -> str:
    return f"{pair.owner} · {pair.field.label}" if pair.field.label else pair.owner


def _pairs(old: CrewSpec, new: CrewSpec) -> Iterator[_Pair]:
    yield from _matched("Crew", crew_fields(old), crew_fields(new))
    yield from _pairs_of_parts("agents", "Agent", old.agents, new.agents)
    yield from _pairs_of_parts("tasks", "Task", old.tasks, new.tasks)


def _pairs_of_parts(
    kind: str, word: str, old: Sequence[AgentSpec | TaskSpec], new: Sequence[AgentSpec | TaskSpec]
) -> Iterator[_Pair]:
    """Each part's fields, or the whole part where one side lacks it; and the order of those that both sides have."""
    before, after = ({part.key: part for part in parts} for parts in (old, new))
    orders = [[key for key in keys if key in before and key in after] for keys in (before, after)]
    if orders[0] != orders[1]:
        yield _Pair(f"{word}s", *(SpecField(kind, "order", "\n".join(keys), True, True) for keys in orders))
    for key in dict.fromkeys((*after, *before)):
        path, owner, there, here = f"{kind}.{key}", f"{word} {key}", before.get(key), after.get(key)
        if there and here:
            yield from _matched(owner, part_fields(there, path), part_fields(here, path))
        else:
            yield _Pair(owner, _whole(there, path), _whole(here, path))


def _whole(part: AgentSpec | TaskSpec | None, path: str) -> SpecField | None:
    if part is None:
        return None
    return SpecField(path, "", part_text(part), is_list=False, is_stated=True)


def _matched(owner: str, old: Iterator[SpecField], new: Iterator[SpecField]) -> Iterator[_Pair]:
    before = {field.path: field for field in old}
    for field in new:
        yield _Pair(owner, before.pop(field.path, None), field)
    for field in before.values():
        yield _Pair(owner, field, None)
