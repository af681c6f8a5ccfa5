"""How the outputs of two runs differ: texts by word, JSON by path."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from engine import bounded
from engine.bounded import Patience
from engine.errors import EngineError
from runs.compare.text_diff import MAX_CHANGES, MAX_CHARS
from runs.models import Run

PATIENCE_S = 5.0


@dataclass(frozen=True, slots=True)
class OutputDiff:
    """``words``: (kind, text), where both are no JSON. ``changes``: (path, old, new), where both are. ``problem`` says
    why there is neither."""

    words: Sequence[tuple[str, str]] = ()
    changes: Sequence[tuple[str, str | None, str | None]] = ()
    same: int = 0  # paths with equal values
    is_equal: bool = False
    note: str = ""
    problem: str = ""


def output_diff(old: Run, new: Run) -> OutputDiff:
    """At most some seconds: work on models' texts is done in a child process."""
    if not (old.output_raw and new.output_raw):
        return OutputDiff(problem="One of the two has no output.")
    if old.output_raw == new.output_raw:
        return OutputDiff(is_equal=True)
    of_json = old.output_json is not None and new.output_json is not None
    job, values = ("json_changes", "output_json") if of_json else ("text_changes", "output_raw")
    try:
        found = bounded.run_here(
            f"runs.compare.text_diff:{job}",
            *(getattr(run, values) for run in (old, new)),
            what="Comparing the outputs",
            patience=Patience(PATIENCE_S),
        )
    except EngineError as error:
        return OutputDiff(problem=str(error))
    if of_json:
        note = f"Only the first {MAX_CHANGES} differences are shown." if found["is_cut"] else ""
        return OutputDiff(changes=[tuple(change) for change in found["changes"]], same=found["same"], note=note)
    note = f"Of each output the first {MAX_CHARS:,} characters are compared." if found["is_cut"] else ""
    return OutputDiff(words=[tuple(part) for part in found["parts"]], note=note)
