"""How two outputs differ: texts by word, JSON by path. They are models' texts, so the work is bounded."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from agents_app.versions.text_diff import Segment, Steps, text_diff
from runs.models import Run, TaskRun

MAX_CHARS = 100_000
"""Of a text that is compared."""
MAX_LEAVES = 5_000
MAX_CHANGES = 300
MAX_VALUE_CHARS = 400
MAX_DEPTH = 50

Change = tuple[str, str | None, str | None]
"""A path with the values on both sides as JSON text; None where a side lacks the path."""


@dataclass(frozen=True, slots=True)
class OutputDiff:
    """``words`` where one of the two is no JSON, else ``changes``. ``problem`` says why there is neither."""

    words: Sequence[Segment] = ()
    changes: Sequence[Change] = ()
    same: int = 0  # paths with equal values
    is_equal: bool = False
    note: str = ""
    problem: str = ""


def output_diff(old: Run | TaskRun, new: Run | TaskRun) -> OutputDiff:
    """Of two runs, or of a task of each."""
    if not (old.output_raw and new.output_raw):
        return OutputDiff(problem="One of the two has no output.")
    if old.output_raw == new.output_raw:
        return OutputDiff(is_equal=True)
    if old.output_json is not None and new.output_json is not None:
        return _of_json(old.output_json, new.output_json)
    found = text_diff(old.output_raw[:MAX_CHARS], new.output_raw[:MAX_CHARS], Steps())
    is_cut = max(len(old.output_raw), len(new.output_raw)) > MAX_CHARS
    cut = f"Of each output the first {MAX_CHARS:,} characters are compared." if is_cut else ""
    return OutputDiff(words=found.segments, note=" ".join(filter(None, (found.note, cut))))


def _of_json(old: Any, new: Any) -> OutputDiff:
    before, after = (dict(islice(_leaves(value, "$"), MAX_LEAVES)) for value in (old, new))
    paths = dict.fromkeys([*before, *after])
    changed = [path for path in paths if before.get(path) != after.get(path)]
    shown = [(path, _cut(before.get(path)), _cut(after.get(path))) for path in changed[:MAX_CHANGES]]
    notes = [] if changed else ["Both hold the same values, their fields in another order or written otherwise."]
    if len(changed) > MAX_CHANGES:
        notes.append(f"Only the first {MAX_CHANGES} of {len(changed):,} differences are shown.")
    if MAX_LEAVES in (len(before), len(after)):
        notes.append(f"Of each output the first {MAX_LEAVES:,} values are compared.")
    return OutputDiff(changes=shown, same=len(paths) - len(changed), note=" ".join(notes))


def _leaves(value: Any, path: str, depth: int = 0) -> Iterator[tuple[str, str]]:
    """What is nested more than ``MAX_DEPTH`` deep is one leaf."""
    if isinstance(value, (dict, list)) and value and depth < MAX_DEPTH:
        named = value.items() if isinstance(value, dict) else enumerate(value)
        for name, part in named:
            yield from _leaves(part, f"{path}[{name}]" if isinstance(value, list) else f"{path}.{name}", depth + 1)
    else:
        yield path, json.dumps(value, ensure_ascii=False)


def _cut(text: str | None) -> str | None:
    return text if text is None or len(text) <= MAX_VALUE_CHARS else f"{text[:MAX_VALUE_CHARS]}…"
