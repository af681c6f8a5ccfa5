"""Matched rows as CSV: the pairs, the worst first, then the rows of each batch that have none in the other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from runs.batches.files import output_cell, result
from runs.batches.matched.matching import Matching
from runs.batches.matched.queries import Pair, differing_at, matched
from runs.batches.order import MAX_ROWS
from runs.batches.queries import WAITING
from runs.batches.results.sorting import rows_at
from runs.export.formats import UNPRICED, Format
from runs.models import Batch, BatchRow
from runs.money import usd_text
from teams.texts.spreadsheets import csv_text, safe

PIECE = 100
"""Rows in one piece of the file: their outputs may be long."""


@dataclass(frozen=True, slots=True)
class FullPair:
    """Two rows with all of their texts; one is None where its batch has no such row. ``differ``: the fields that do,
    None where one of the two has no answer."""

    baseline: BatchRow | None
    other: BatchRow | None
    differ: Sequence[str] | None


def full_pairs(matching: Matching, pairs: Sequence[Pair]) -> list[FullPair]:
    """Three queries."""
    olds = _rows(matching.baseline, [old for old, _ in pairs])
    news = _rows(matching.other, [new for _, new in pairs])
    differing = differing_at(matching, pairs)
    found = []
    for old_row, new_row in pairs:
        old, new = olds.get(old_row), news.get(new_row)
        if old is None and new is None:
            continue
        both = old is not None and new is not None and _succeeded(old) and _succeeded(new)
        found.append(FullPair(old, new, differing.get(old_row or 0, ()) if both else None))
    return found


def _rows(batch: Batch, rows: Sequence[int | None]) -> Mapping[int | None, BatchRow]:
    return {row.position: row for row in rows_at(batch, [row for row in rows if row is not None])}


def _succeeded(row: BatchRow) -> bool:
    return row.run is not None and row.run.state == "succeeded"


def pieces(matching: Matching) -> Iterator[list[FullPair]]:
    """All of them some at a time, as they were matched when it began; an empty list if there are none."""
    found = matched(matching, limit=MAX_ROWS)
    pairs = list(found.pairs)
    for show, count in (("baseline", found.only_baseline), ("other", found.only_other)):
        if count:
            pairs += matched(matching, show=show, limit=MAX_ROWS).pairs
    for at in range(0, max(1, len(pairs)), PIECE):
        yield full_pairs(matching, pairs[at : at + PIECE])


def name_of(matching: Matching) -> str:
    """Of the file, without an ending."""
    return f"{matching.baseline.crew.slug}-matched-rows"


def as_csv(matching: Matching) -> Format:
    """Texts that people and models wrote are made safe for spreadsheets."""
    fields = matching.fields
    head = ["matched", "baseline_row", "other_row", *(safe(name) for name in matching.names), "differ"]
    for side in ("baseline", "other"):
        head += [f"{side}_status", f"{side}_output", *(safe(f"{side}_output.{name}") for name in fields)]
        head += [f"{side}_cost_usd", f"{side}_seconds", f"{side}_run", f"{side}_error"]
    head += ["cost_difference_usd", "seconds_difference"]

    def lines(found: Iterable[Any]) -> str:
        return csv_text(_cells(matching, pair) for pair in found)

    return Format("csv", "text/csv; charset=utf-8", csv_text([head]), lines)


def _cells(matching: Matching, pair: FullPair) -> list[Any]:
    old, new = pair.baseline, pair.other
    matched_in = "both" if old and new else "baseline" if old else "other"
    first, own = (old, matching.own[0]) if old else (new, matching.own[1])
    assert first is not None
    inputs = dict(own) | first.inputs
    return [
        matched_in,
        old.position if old else "",
        new.position if new else "",
        *(safe(str(inputs.get(name, ""))) for name in matching.names),
        "" if pair.differ is None else safe(", ".join(pair.differ)),
        *_side(matching, old),
        *_side(matching, new),
        usd_text(cost_difference_nusd(old, new)) or "",
        "" if (ms := difference_ms(old, new)) is None else f"{ms / 1000:.3f}",
    ]


def _side(matching: Matching, row: BatchRow | None) -> list[Any]:
    if row is None:
        return [""] * (6 + len(matching.fields))
    found = result(row)
    data = found["json"] if isinstance(found["json"], Mapping) else {}
    unpriced = row.run is not None and row.run.unpriced_calls
    return [
        found["status"] or WAITING,
        safe(found["output"] or ""),
        *(output_cell(data.get(name)) for name in matching.fields),
        UNPRICED if unpriced else found["cost_usd"] or "",
        "" if found["seconds"] is None else f"{found['seconds']:.3f}",
        found["run"] or "",
        safe(found["error"] or ""),
    ]


def cost_difference_nusd(old: BatchRow | None, new: BatchRow | None) -> int | None:
    """Other minus baseline, of runs that have ended and are priced throughout."""
    costs = [_ended_nusd(row) for row in (old, new)]
    return None if costs[0] is None or costs[1] is None else costs[1] - costs[0]


def difference_ms(old: BatchRow | None, new: BatchRow | None) -> int | None:
    took = [None if row is None or row.run is None else row.run.duration_ms for row in (old, new)]
    return None if took[0] is None or took[1] is None else took[1] - took[0]


def _ended_nusd(row: BatchRow | None) -> int | None:
    run = None if row is None else row.run
    return None if run is None or not run.ended or run.unpriced_calls else run.spent_nusd
