"""A check as CSV: every line with both sides, under each that differs its parts, and the sums; exact."""

from __future__ import annotations

from collections.abc import Iterator

from runs.money import usd_text
from runs.reconciliation.matching.causes import Part
from runs.reconciliation.matching.comparison import Line
from runs.reconciliation.page import Check
from teams.texts import spreadsheets
from teams.texts.spreadsheets import safe

COLUMNS = (
    *("section", "day", "model", "key", "item", "in_batch"),
    *("theirs_usd", "ours_usd", "difference_usd"),
    *("theirs_prompt_tokens", "ours_prompt_tokens", "theirs_cached_tokens", "ours_cached_tokens"),
    *("theirs_completion_tokens", "ours_completion_tokens", "difference_tokens", "our_calls"),
    *("cause", "certainty", "why"),
)
Row = dict[str, object]


def csv_text(check: Check) -> str:
    """``section`` is line, part or total. Parts sum to the difference of their line, lines to the total."""
    return spreadsheets.csv_text([COLUMNS, *([row.get(name, "") for name in COLUMNS] for row in _rows(check))])


def _rows(check: Check) -> Iterator[Row]:
    for line in check.found.lines:
        yield _line(check, line)
        for part in check.parts.get(line.where, ()):
            yield _place(line) | {"section": "part"} | _part(check, part)
    total, tokens = check.total, check.tokens
    yield {
        "section": "total",
        **(_usd(total.theirs, total.ours, total.difference) if check.in_dollars else {}),
        **({"difference_tokens": tokens.difference} if check.tells_tokens else {}),
    }


def _place(line: Line) -> Row:
    where = line.where
    return {
        "day": where.day,
        "model": safe(where.model),
        "key": safe(where.key),
        "item": safe(", ".join(sorted(line.items)) or where.item),
        "in_batch": "yes" if where.in_batch else "no",
    }


def _line(check: Check, line: Line) -> Row:
    theirs, ours = line.theirs, line.ours
    row: Row = {"section": "line", **_place(line), "our_calls": ours.calls}
    if check.in_dollars:
        row |= _usd(theirs.nusd, ours.nusd, line.difference("nusd"))
    else:
        row["ours_usd"] = usd_text(ours.nusd)
    if check.tells_tokens:
        for name in ("prompt", "cached", "completion"):
            row[f"theirs_{name}_tokens"] = getattr(theirs, name)
        row["difference_tokens"] = line.difference("tokens")
    for name in ("prompt", "cached", "completion"):
        row[f"ours_{name}_tokens"] = getattr(ours, name)
    return row


def _usd(theirs: int, ours: int, difference: int) -> Row:
    return {"theirs_usd": usd_text(theirs), "ours_usd": usd_text(ours), "difference_usd": usd_text(difference)}


def _part(check: Check, part: Part) -> Row:
    unit = "difference_usd" if check.in_dollars else "difference_tokens"
    amount = usd_text(part.amount) if check.in_dollars else part.amount
    return {unit: amount, "cause": part.cause, "certainty": part.certainty, "why": safe(part.why)}
