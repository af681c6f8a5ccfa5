"""What matched rows come to: beside each figure of the rows that both batches have, that of all rows of each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction

from engine.text import counted
from runs.batches.matched.queries import Matched
from runs.compare.figures import WRITTEN, Delta
from runs.compare.words import ABOUT, NOTHING, money, percent, seconds, signed

Values = tuple[Fraction | int | None, Fraction | int | None]
"""Of the baseline and of the other."""


LEAST_PAIRS = 6
"""Of which anything can be told."""


@dataclass(frozen=True, slots=True)
class Columns:
    """The baseline's figure and the other's, written, and their difference."""

    baseline: str
    other: str
    delta: Delta | None


@dataclass(frozen=True, slots=True)
class Figure:
    title: str
    is_part: bool
    both: Columns
    all_rows: Columns  # nothing of it is judged: they are not the same rows


@dataclass(frozen=True, slots=True)
class Told:
    """``better``: cheaper or faster; None where there is no difference, or none that can be told from chance."""

    head: str
    rest: str
    better: bool | None


def figures_of(found: Matched) -> list[Figure]:
    both, old, new = found.both, found.baseline, found.other
    return [
        _figure("Rows", "count", (both.rows, both.rows), (old.rows, new.rows)),
        _figure(
            "Succeeded",
            "percent",
            (_share(both.old_succeeded, both.ended), _share(both.new_succeeded, both.ended)),
            (_share(old.succeeded, old.ended), _share(new.succeeded, new.ended)),
            less_is_better=False,
            is_noise=not both.success_is_clear,
        ),
        _figure(
            "Cost",
            "nusd",
            (_any(both.old_nusd, both.priced), _any(both.new_nusd, both.priced)),
            (_any(old.nusd, old.priced), _any(new.nusd, new.priced)),
            is_noise=not both.cost_is_clear,
        ),
        _figure(
            "of a row",
            "nusd",
            (_mean(both.old_nusd, both.priced), _mean(both.new_nusd, both.priced)),
            (_mean(old.nusd, old.priced), _mean(new.nusd, new.priced)),
            is_noise=not both.cost_is_clear,
            is_part=True,
        ),
        _figure(
            "Time of a row",
            "ms",
            (_mean(both.old_ms, both.timed), _mean(both.new_ms, both.timed)),
            (_mean(old.ms, old.timed), _mean(new.ms, new.timed)),
            is_noise=not both.time_is_clear,
        ),
    ]


def told_of(found: Matched) -> Sequence[Told]:
    """The answer on top: of the rows that both have, cost and time."""
    both = found.both
    cost = _Signs(both.priced, both.dearer, both.cheaper, both.cost_is_clear)
    time = _Signs(both.timed, both.slower, both.faster, both.time_is_clear)
    told = []
    if cost.pairs:
        told.append(_told("cost", both.old_nusd, both.new_nusd, money, ("cheaper", "dearer"), cost))
    if time.pairs:  # of a row, since rows run side by side
        old_ms, new_ms = (round(Fraction(ms, time.pairs)) for ms in (both.old_ms, both.new_ms))
        told.append(_told("time", old_ms, new_ms, seconds, ("faster a row", "slower a row"), time))
    return told


@dataclass(frozen=True, slots=True)
class _Signs:
    """In how many pairs the other row has more, in how many less."""

    pairs: int
    more: int
    less: int
    is_clear: bool


def _told(what: str, old: int, new: int, written: Callable[[int], str], words: tuple[str, str], signs: _Signs) -> Told:
    change, (down, up) = new - old, words
    share = percent(change, old)
    head = f"No change of {what}"
    if change:
        head = f"{written(change)} {down if change < 0 else up}{f' ({share})' if share else ''}"
    down, up = (word.removesuffix(" a row") for word in words)
    same = signs.pairs - signs.more - signs.less
    if same == signs.pairs:
        return Told(head, "the one row is the same" if same == 1 else f"all {same:,} rows are the same", None)
    agrees = (signs.more > signs.less) == (change > 0)
    certainty = "more than chance" if agrees else "though most rows went the other way"
    if not change:
        certainty = "though more rows went one way than by chance"
    if not signs.is_clear:
        certainty = "which may be chance" if signs.pairs >= LEAST_PAIRS else "too few to tell that from chance"
    counts = f"{signs.less:,} {down}, {signs.more:,} {up}, {same:,} the same"
    better = change < 0 if change and signs.is_clear and agrees else None
    return Told(head, f"of {counted(signs.pairs, 'row')} {counts}; {certainty}", better)


def _figure(
    title: str,
    unit: str,
    both: Values,
    all_rows: Values,
    *,
    less_is_better: bool = True,
    is_noise: bool = False,
    is_part: bool = False,
) -> Figure:
    judged = None if is_noise or unit == "count" else less_is_better
    return Figure(title, is_part, _columns(unit, both, judged, is_noise), _columns(unit, all_rows, None, False))


def _columns(unit: str, values: Values, judged: bool | None, is_noise: bool) -> Columns:
    old, new = (None if value is None else Fraction(value) for value in values)
    before, after = (NOTHING if value is None else WRITTEN[unit](value) for value in (old, new))
    if old is None or new is None:
        return Columns(before, after, None)
    change = Fraction(round(new) - round(old)) if unit in ("nusd", "ms") else new - old
    better = None if judged is None or not change else (change < 0) == judged
    text = signed(WRITTEN[unit](change), change) if change else ABOUT
    share = percent(change, old) if unit in ("nusd", "ms") else ""
    return Columns(before, after, Delta(change, text, share, better, is_noise))


def _share(part: int, whole: int) -> Fraction | None:
    return Fraction(100 * part, whole) if whole else None


def _mean(total: int, count: int) -> Fraction | None:
    return Fraction(total, count) if count else None


def _any(total: int, count: int) -> int | None:
    return total if count else None
