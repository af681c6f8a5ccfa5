"""Conflicts as pages show them: what each side did to a field since they were the same, by word."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from agents_app.gallery.merge import Conflict, Merged
from agents_app.versions.page import ShownChange, shown_changes
from agents_app.versions.spec_diff import FieldChange
from agents_app.versions.text_diff import Steps, TextDiff, list_diff, text_diff


@dataclass(frozen=True, slots=True)
class ShownConflict:
    """A field that both sides changed, and what each did to it since they were the same."""

    conflict: Conflict
    mine: ShownChange
    theirs: ShownChange


def shown_conflicts(merged: Merged) -> Sequence[ShownConflict]:
    """In the order of ``merged.conflicts``."""
    steps = Steps()
    changes = [
        _change(conflict, side, steps) for conflict in merged.conflicts for side in (conflict.mine, conflict.theirs)
    ]
    shown = iter(shown_changes(changes))
    return [ShownConflict(conflict, next(shown), next(shown)) for conflict in merged.conflicts]


def _change(conflict: Conflict, side: str | None, steps: Steps) -> FieldChange:
    if conflict.base and side:
        diff = (list_diff if conflict.is_list else text_diff)(conflict.base, side, steps)
    elif conflict.base:
        diff = TextDiff((("removed", conflict.base),))
    else:
        diff = TextDiff((("added", side),) if side else ())
    return FieldChange(conflict.path, conflict.label, conflict.base, side, diff.segments, diff.note)
