"""Why a month cost more or less than the one before: an exact split of the difference, by the method of comparisons.

A crew costs its runs times the cost of a mean run. What the runs make of the difference is their Shapley value, and
the rest is divided as a comparison divides it: calls × tokens per call × price, for each agent and model, and classes
of cost. Crews of one month alone and counter-lines are reasons of their own.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from engine.catalogue.pricing import NUSD_PER_MTOK_USD
from runs.bill_sums.sums import Sums
from runs.bills.lines import Line, total_of
from runs.bills.values import Value
from runs.rounding import whole_numbers
from runs.splits.align import Pair
from runs.splits.cells import Reason
from runs.splits.facts import CREW, CallSums, Side, Totals
from runs.splits.why_cost import cost_shares

BY = ("crew", "agent", "model", "class", "kind")
"""The dimensions of the lines that are split."""
NO_CREW = Value("", "")
RUNS, NEW, GONE, MOVED = "runs", "new_crew", "gone_crew", "counter_lines"
"""Reasons besides those of comparisons."""
Runs = Mapping[str, tuple[int, int]]
"""How many runs of a crew were launched in the month before and in this one, by its code."""


@dataclass(frozen=True, slots=True)
class BillPart:
    """One reason's part of the difference in whole 1e-9 USD. ``reason.task``: the agent's key."""

    crew: Value  # ``NO_CREW``: of no crew in particular
    reason: Reason
    nusd: int


@dataclass(frozen=True, slots=True)
class Why:
    """``parts`` sum to ``now_nusd - before_nusd``, the largest first."""

    before_nusd: int
    now_nusd: int
    parts: Sequence[BillPart]

    @property
    def difference_nusd(self) -> int:
        return self.now_nusd - self.before_nusd


def why(before: Sequence[Line], now: Sequence[Line], runs: Runs) -> Why:
    """``before`` and ``now``: lines by ``BY``. Where a crew's runs are not known its calls alone are split."""
    shares: dict[tuple[Value, Reason], Fraction] = {}
    olds, news = _by_crew(before), _by_crew(now)
    for crew in dict.fromkeys((*olds, *news)):
        for reason, share in _of_crew(olds.get(crew), news.get(crew), runs.get(crew.code, (0, 0))).items():
            if share:
                shares[crew, reason] = share
    moved = total_of(now).moved_nusd - total_of(before).moved_nusd
    if moved:
        shares[NO_CREW, Reason(CREW, MOVED)] = Fraction(moved)
    spent = total_of(before).spent_nusd, total_of(now).spent_nusd
    assert sum(shares.values()) == spent[1] - spent[0]
    amounts = whole_numbers(shares, spent[1] - spent[0])
    parts = [BillPart(crew, reason, nusd) for (crew, reason), nusd in amounts.items() if nusd]
    return Why(*spent, sorted(parts, key=lambda part: -abs(part.nusd)))


def _by_crew(lines: Sequence[Line]) -> dict[Value, list[Line]]:
    found: defaultdict[Value, list[Line]] = defaultdict(list)
    for line in lines:
        if line.sums.calls:
            found[line.values[0]].append(line)
    return dict(found)


def _of_crew(old: list[Line] | None, new: list[Line] | None, runs: tuple[int, int]) -> dict[Reason, Fraction]:
    if old is None or new is None:
        of_new, of_old = (Fraction(sum(map(_cost, lines or ()))) for lines in (new, old))
        return {Reason(CREW, GONE if new is None else NEW): of_new - of_old}
    counts = runs if all(runs) else (1, 1)
    before, after = (_side(lines, count) for lines, count in zip((old, new), counts, strict=True))
    means = [side.mean(sum(row.cost_nusd for row in side.calls)) for side in (before, after)]
    scale = Fraction(sum(counts), 2)
    found = {reason: scale * share for reason, share in cost_shares(before, after, _pairs(before, after)).items()}
    found[Reason(CREW, RUNS)] = (counts[1] - counts[0]) * sum(means, Fraction(0)) / 2
    return found


def _cost(line: Line) -> int:
    """Of the calls, without counter-lines."""
    return line.sums.spent_nusd - line.sums.moved_nusd


def _side(lines: Sequence[Line], runs: int) -> Side:
    nothing = dict.fromkeys(
        (
            *("succeeded", "timed", "spent_nusd", "unpriced_calls", "unpriced_runs", "prompt_tokens"),
            *("cached_prompt_tokens", "cache_write_tokens", "completion_tokens", "reasoning_tokens", "requests"),
            *("queue_ms", "duration_ms", "paused_ms"),
        ),
        0,
    )
    return Side("", "", simulated=False, totals=Totals(runs=runs, **nothing), tasks=(), calls=_calls(lines))


def _calls(lines: Sequence[Line]) -> list[CallSums]:
    return [
        CallSums(
            task=line.values[1].code.partition("/")[2],
            model=line.values[2].code,
            cost_class=line.values[3].code,
            kind=line.values[4].code,
            priced=True,
            calls=line.sums.calls,
            requests=line.sums.successful_requests,
            cost_nusd=_cost(line),
            tokens=(tokens := _tokens(line.sums)),
            spend=_spend(line.sums, tokens),
            latency_ms=0,
            waited_ms=0,
            nested_ms=0,
            fees_nusd=line.sums.fees_nusd,
        )
        for line in lines
    ]


def _tokens(sums: Sums) -> dict[str, int]:
    plain = sums.prompt_tokens - sums.cached_prompt_tokens - sums.cache_write_tokens
    return {
        "prompt": plain,
        "cached": sums.cached_prompt_tokens,
        "cache_write": sums.cache_write_tokens,
        "completion": sums.completion_tokens,
    }


def _spend(sums: Sums, tokens: Mapping[str, int]) -> dict[str, Fraction]:
    """In USD per million tokens times tokens. A cost that is kept without its parts counts all tokens as equally dear:
    old calls tell no more."""
    whole, all_tokens = sums.whole_nusd - sums.moved_nusd, sum(tokens.values())
    parts = {
        "prompt": sums.prompt_nusd,
        "cached": sums.cached_nusd,
        "cache_write": sums.cache_write_nusd,
        "completion": sums.completion_nusd + sums.reasoning_nusd,
    }
    undivided = Fraction(whole, all_tokens) if all_tokens else Fraction(0)
    return {kind: (parts[kind] + tokens[kind] * undivided) / NUSD_PER_MTOK_USD for kind in tokens}


def _pairs(before: Side, after: Side) -> list[Pair]:
    """Agents by their keys; the crew itself is paired by the method."""
    olds, news = ({row.task for row in side.calls} - {CREW} for side in (before, after))
    return [
        *(Pair(key, key, "key") for key in sorted(olds & news)),
        *(Pair(key, None, "removed") for key in sorted(olds - news)),
        *(Pair(None, key, "added") for key in sorted(news - olds)),
    ]
