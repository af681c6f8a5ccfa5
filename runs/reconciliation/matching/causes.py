"""Why the two sides of a line differ: parts that sum to the difference exactly, each with how sure it is and why."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from fractions import Fraction

from engine.text import counted
from runs.reconciliation.matching.comparison import Comparison, Line, Measure, Where

SAME_RATIO = Fraction(1, 200)
LEAST_LINES = 2
"""So many days with one ratio between the two costs make a price of it, where tokens are not told."""


class Cause(StrEnum):
    BATCH = "batch"
    OTHER_KEY = "other_key"
    OTHER_PROGRAM = "other_program"
    OWN_SERVER = "own_server"
    UNKNOWN = "unknown_calls"
    LATE = "late_figures"
    CORRECTION = "corrections"
    MIDNIGHT = "midnight"
    FEES = "fees"
    PRICE = "price"
    CACHE = "cached_tokens"
    UNPRICED = "unpriced"
    ESTIMATED = "estimated"
    ROUNDING = "rounding"
    UNEXPLAINED = "unexplained"


class Certainty(StrEnum):
    CERTAIN = "certain"
    LIKELY = "likely"
    POSSIBLE = "possible"
    UNKNOWN = "unknown"  # of what nothing explains


@dataclass(frozen=True, slots=True)
class Part:
    """``amount``: theirs less ours, in the measure of the comparison. ``ratio``: of their cost to ours, of a price."""

    cause: Cause
    amount: int
    certainty: Certainty
    why: str
    ratio: Fraction | None = None


def parts_by_line(found: Comparison) -> Mapping[Where, list[Part]]:
    """The parts of each line that differs."""
    context = _Context(found)
    return {line.where: _Explaining(line, context).parts() for line in found.lines if line.difference(found.measure)}


class _Context:
    """What explains a line and stands in others."""

    def __init__(self, found: Comparison) -> None:
        self.measure: Measure = found.measure
        self.tells_tokens = "tokens" in found.theirs.tells
        self.rounded_nusd = found.theirs.rounded_nusd
        self.has_fees = any(line.where.item for line in found.lines)
        self.days_of = found.days_of
        self.last_sure_day = (date.fromisoformat(found.ours.read_on) - timedelta(days=1)).isoformat()
        self.crossing = {line.where: self.crossing_of(line) for line in found.lines}
        self.ratios = _ratios(found)

    def crossing_of(self, line: Line) -> int:
        return line.ours.crossing_nusd if self.measure == "nusd" else line.ours.crossing_tokens

    def crossed_into(self, where: Where) -> int:
        """Of calls that began the day before and ended on this one."""
        before = (date.fromisoformat(where.day) - timedelta(days=1)).isoformat()
        return self.crossing.get(Where(before, where.model, where.key, where.item), 0)


def _ratios(found: Comparison) -> dict[str, Fraction]:
    """Of models whose costs differ by one ratio on each of their days."""
    seen: dict[str, list[Fraction]] = defaultdict(list)
    for line in found.lines:
        if line.theirs.nusd > 0 and line.ours.nusd > 0 and not line.where.item and not line.where.in_batch:
            seen[line.where.model].append(Fraction(line.theirs.nusd, line.ours.nusd))
    return {
        model: min(ratios)
        for model, ratios in seen.items()
        if len(ratios) >= LEAST_LINES and max(ratios) - min(ratios) <= SAME_RATIO * min(ratios)
    }


class _Explaining:
    """Takes from a line's difference what each cause can explain of it, the surest first, until nothing is left."""

    def __init__(self, line: Line, context: _Context) -> None:
        self._line, self._context = line, context
        self._rest = line.difference(context.measure)
        self._is_more = self._rest > 0
        self._parts: list[Part] = []

    def parts(self) -> list[Part]:
        for cause, limit, certainty, why in self._theirs() if self._is_more else self._ours():
            self._take(cause, limit, certainty, why)
        self._take(Cause.UNEXPLAINED, None, Certainty.UNKNOWN, "nothing that is known here explains it")
        return self._parts

    def _take(self, cause: Cause, limit: int | None, certainty: Certainty, why: str) -> None:
        """``limit``: the most that the cause can be; None: all that is left."""
        size = abs(self._rest) if limit is None else min(abs(self._rest), max(0, limit))
        if size:
            ratio = self._ratio() if cause == Cause.PRICE else None
            self._parts.append(Part(cause, size if self._is_more else -size, certainty, why, ratio))
            self._rest -= size if self._is_more else -size

    def _theirs(self) -> Iterator[tuple[Cause, int | None, Certainty, str]]:
        """Why theirs may be more."""
        line, ours, where = self._line, self._line.ours, self._line.where
        if where.in_batch:
            yield Cause.BATCH, None, Certainty.CERTAIN, "asked in a batch, which is never done here"
        if where.is_foreign:
            yield Cause.OTHER_KEY, None, Certainty.CERTAIN, f"its key {where.key} is none of yours, as you said"
        if where.item:
            names = ", ".join(sorted(line.items)) or "fees"
            yield Cause.FEES, None, Certainty.LIKELY, f"billed beside tokens: {names}"
        yield from self._shared()
        if ours.unpriced and self._context.measure == "nusd":
            certainty = Certainty.CERTAIN if self._same_tokens() else Certainty.LIKELY
            yield Cause.UNPRICED, None, certainty, f"{counted(ours.unpriced, 'call')} of ours had no price"
        yield from self._price()
        yield (
            *(Cause.MIDNIGHT, self._context.crossed_into(where), Certainty.LIKELY),
            "calls that began the day before ended on this day",
        )
        if ours.corrected_nusd < 0 and self._context.measure == "nusd":
            corrected = f"{counted(ours.corrected, 'correction')} lowered what was booked"
            yield Cause.CORRECTION, -ours.corrected_nusd, Certainty.POSSIBLE, corrected
        yield from self._others()

    def _others(self) -> Iterator[tuple[Cause, int | None, Certainty, str]]:
        line, ours, where = self._line, self._line.ours, self._line.where
        if not ours.calls:
            days = self._context.days_of.get(where.model, set())
            if not days:
                why = f"no call of ours asked {where.model or 'a model'} in these days"
            elif where.day in days:
                why = f"our calls of {where.model or 'models'} on this day were made with another key"
            else:
                why = "we made no call of it on this day" if where.model else "we made no call on this day"
            yield Cause.OTHER_PROGRAM, None, Certainty.LIKELY, why
        if self._context.tells_tokens and line.theirs.tokens > ours.tokens:
            why = f"they count {counted(line.theirs.tokens - ours.tokens, 'token')} more than our calls used"
            yield Cause.OTHER_PROGRAM, None, Certainty.LIKELY, why

    def _ours(self) -> Iterator[tuple[Cause, int | None, Certainty, str]]:
        """Why ours may be more."""
        line, ours = self._line, self._line.ours
        is_money = self._context.measure == "nusd"
        yield (
            *(Cause.OWN_SERVER, ours.own_server_nusd if is_money else ours.own_server_tokens, Certainty.CERTAIN),
            "asked at a server of your own, which this provider does not bill",
        )
        yield from self._shared()
        if is_money:
            yield (
                *(Cause.UNKNOWN, ours.unknown_nusd, Certainty.LIKELY),
                f"{counted(ours.unknown, 'call')} whose outcome nobody knows, booked at the worst case",
            )
        if line.where.day >= self._context.last_sure_day and line.theirs.tokens <= ours.tokens:
            yield Cause.LATE, None, Certainty.LIKELY, "the day was hardly over when this was read: theirs may come late"
        if is_money and not line.where.item and not self._context.has_fees:
            yield Cause.FEES, ours.fees_nusd, Certainty.POSSIBLE, "fees of ours that the export does not list"
        yield from self._price()
        yield (
            *(Cause.MIDNIGHT, self._context.crossing_of(line), Certainty.LIKELY),
            f"{counted(ours.crossing, 'call')} that ended on the next day",
        )
        if is_money and ours.corrected_nusd > 0:
            corrected = f"{counted(ours.corrected, 'correction')} raised what was booked"
            yield Cause.CORRECTION, ours.corrected_nusd, Certainty.POSSIBLE, corrected
        if not line.theirs.lines and not line.theirs.tokens:
            why = "the export has nothing of it on this day: it may be of another account or project"
            yield Cause.UNEXPLAINED, None, Certainty.POSSIBLE, why
        if ours.estimated:
            counts = f"the tokens of {counted(ours.estimated, 'call')} were counted here, since no usage was told"
            yield Cause.ESTIMATED, None, Certainty.POSSIBLE, counts

    def _shared(self) -> Iterator[tuple[Cause, int | None, Certainty, str]]:
        """Rounding: of each of their lines to a half of its last digit, of each of our calls to half of 1e-9 USD."""
        if self._context.measure == "nusd" and self._line.theirs.lines and self._line.ours.calls:
            bound = -(-self._line.theirs.lines * self._context.rounded_nusd // 2) + self._line.ours.calls
            if abs(self._rest) <= bound and (self._same_tokens() or not self._context.tells_tokens):
                yield Cause.ROUNDING, None, Certainty.CERTAIN, "within what rounding makes of these figures"

    def _price(self) -> Iterator[tuple[Cause, int | None, Certainty, str]]:
        ratio = self._ratio()
        if self._context.measure != "nusd" or ratio is None or self._line.where.item:
            return
        times = f"{float(ratio):.4g} times our price"
        if self._same_tokens():
            yield Cause.PRICE, None, Certainty.CERTAIN, f"the same tokens, {times}"
        elif self._context.tells_tokens and self._same_tokens(cached=False):
            told = f"{self._line.theirs.cached:,} cached tokens where we count {self._line.ours.cached:,}"
            yield Cause.CACHE, None, Certainty.LIKELY, f"as many tokens, but {told}"
        elif not self._context.tells_tokens and self._line.where.model in self._context.ratios:
            yield Cause.PRICE, None, Certainty.LIKELY, f"{times} on each of its days"

    def _ratio(self) -> Fraction | None:
        theirs, ours = self._line.theirs.nusd, self._line.ours.nusd
        return Fraction(theirs, ours) if theirs > 0 and ours > 0 else None

    def _same_tokens(self, *, cached: bool = True) -> bool:
        names = ("prompt", "completion", *(("cached", "cache_write") if cached else ()))
        theirs, ours = self._line.theirs, self._line.ours
        return self._context.tells_tokens and all(getattr(theirs, name) == getattr(ours, name) for name in names)
