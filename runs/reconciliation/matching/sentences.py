"""The comparison in a few sentences, the answer before the evidence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

from engine.text import counted
from runs.money import CENT_NUSD, to_usd
from runs.reconciliation.matching.causes import Part
from runs.reconciliation.matching.comparison import Comparison, Line, Measure, Where


def answer(found: Comparison, parts: Mapping[Where, Sequence[Part]], provider: str) -> str:
    """``provider``: as people call it."""
    measure = found.measure
    total = found.total(measure)
    verbs = ("says", "we booked") if measure == "nusd" else ("counts", "we counted")
    first = (
        f"{provider} {verbs[0]} {amount(total.theirs, measure)} for {days_in_words(found.theirs)}, "
        f"{verbs[1]} {amount(total.ours, measure)}"
    )
    if not total.theirs_alone and not total.ours_alone:
        return f"{first}: each line agrees to the last digit."
    sides = [
        _side(found, parts, size, side, sign)
        for size, side, sign in ((total.theirs_alone, "theirs", 1), (total.ours_alone, "ours", -1))
        if size
    ]
    return f"{first}; {'; '.join(sides)}."


def _side(found: Comparison, parts: Mapping[Where, Sequence[Part]], size: int, side: str, sign: int) -> str:
    lines = [line for line in found.lines if sign * line.difference(found.measure) > 0]
    most = max(lines, key=lambda line: sign * line.difference(found.measure))
    part = max(parts[most.where], key=lambda part: abs(part.amount))
    share = abs(most.difference(found.measure))
    begins = f"{amount(size, found.measure)} {'is' if size == 1 else 'are'} {side} alone"
    if len(lines) == 1:
        return f"{begins}, on {place(most)}: {part.why}"
    return f"{begins}, {amount(share, found.measure)} of it on {place(most)}: {part.why}"


def place(line: Line) -> str:
    """Where a line stands: "gpt-4o on 12 Nov"."""
    day = date.fromisoformat(line.where.day)
    what = line.where.model or ("fees" if line.where.item else "")
    return f"{what} on {day.day} {day:%b}" if what else f"{day.day} {day:%b}"


def days_in_words(theirs: object) -> str:
    """ "12 November 2026", "1-30 November 2026", "28 October - 3 November 2026"."""
    since, until = (date.fromisoformat(getattr(theirs, name)) for name in ("since", "until"))
    last = f"{until.day} {until:%B %Y}"
    if since == until:
        return last
    if (since.year, since.month) == (until.year, until.month):
        return f"{since.day}–{last}"
    return f"{since.day} {since:%B}{f' {since.year}' if since.year != until.year else ''} – {last}"


def amount(size: int, measure: Measure) -> str:
    """Tokens, or dollars: to the cent where that is exact, else with four decimals from a cent on and nine below."""
    if measure == "tokens":
        return counted(size, "token")
    sign, usd = "−" if size < 0 else "", abs(to_usd(size))
    if size % CENT_NUSD == 0:
        return f"{sign}${usd:,.2f}"
    return f"{sign}${usd:,.4f}" if abs(size) >= CENT_NUSD else f"{sign}${usd:,.9f}"
