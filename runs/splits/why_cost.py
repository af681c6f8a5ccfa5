"""Why one side cost more than the other: an exact split of the difference of what a run costs, of groups a mean run.

A task's work with a model costs calls × tokens per call × price, for each kind of token; what each factor contributes
is its Shapley value. Fees that are not tokens are a reason of their own. Calls whose price is unknown are left out on
both sides: their number is told apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from engine.catalogue.pricing import NUSD_PER_MTOK_USD
from runs.splits.align import Pair
from runs.splits.cells import Models, Reason, Reasons, Split, by_model, of_task, one_model, split_of, with_crew
from runs.splits.facts import TOKEN_KINDS, CallSums, Side
from runs.splits.shapley import shares
from runs.states import CostClass


def why_cost(baseline: Side, other: Side, pairs: Sequence[Pair]) -> Split:
    return split_of(_cost(baseline, baseline.calls), _cost(other, other.calls), cost_shares(baseline, other, pairs))


def cost_shares(baseline: Side, other: Side, pairs: Sequence[Pair]) -> dict[Reason, Fraction]:
    """What each reason makes of the difference of a run's cost, in 1e-9 USD. They sum to it exactly."""
    reasons = Reasons()
    for pair in with_crew(pairs):
        before = [row for row in of_task(baseline, pair.old) if row.priced]
        after = [row for row in of_task(other, pair.new) if row.priced]
        task = pair.new if pair.new is not None else pair.old
        assert task is not None
        if pair.how in ("added", "removed"):
            reasons.add(Reason(task, pair.how), _cost(other, after) - _cost(baseline, before))
        else:
            _of_task(reasons, task, (baseline, before), (other, after))
    return dict(reasons.shares)


Calls = tuple[Side, Sequence[CallSums]]
"""Calls of a side, with the side whose mean run they are told of."""


def _cost(side: Side, rows: Sequence[CallSums]) -> Fraction:
    return side.mean(sum(row.cost_nusd for row in rows))


def _fees(side: Side, rows: Sequence[CallSums]) -> Fraction:
    return side.mean(sum(row.fees_nusd for row in rows))


def _of_task(reasons: Reasons, task: str, before: Calls, after: Calls) -> None:
    classes = dict.fromkeys(row.cost_class for row in (*before[1], *after[1]))
    for name in classes:
        olds, news = _of_class(before[1], name), _of_class(after[1], name)
        if name == CostClass.WORK:
            _of_work(reasons, task, (before[0], olds), (after[0], news))
        else:
            change = _cost(after[0], news) - _cost(before[0], olds)
            reasons.add(Reason(task, name, one_model(olds, news)), change)


def _of_class(rows: Sequence[CallSums], name: str) -> list[CallSums]:
    return [row for row in rows if row.cost_class == name]


def _of_work(reasons: Reasons, task: str, before: Calls, after: Calls) -> None:
    tools = [[row for row in rows if row.kind != "model"] for _, rows in (before, after)]
    reasons.add(Reason(task, "tools"), _cost(after[0], tools[1]) - _cost(before[0], tools[0]))
    asked = [[row for row in rows if row.kind == "model"] for _, rows in (before, after)]
    for models in by_model(*asked):
        _of_models(reasons, task, models, before[0], after[0])


@dataclass(frozen=True, slots=True)
class _Factors:
    """Of a mean run: calls, and by kind tokens of a call and nano-USD of a token, where there are tokens of the kind.

    Calls × tokens × prices is what was booked to the last digit: the rounding of each call is within the prices.
    """

    calls: Fraction
    tokens: dict[str, Fraction]
    prices: dict[str, Fraction]


def _of_models(reasons: Reasons, task: str, models: Models, baseline: Side, other: Side) -> None:
    model, gone = models.model, models.model_before
    fees = _fees(other, models.other) - _fees(baseline, models.baseline)
    reasons.add(Reason(task, "fees", model, gone), fees)
    before, after = _factors(baseline, models.baseline), _factors(other, models.other)
    if before is None or after is None:  # a cost that no tokens explain, such as an exact figure that came later
        change = _cost(other, models.other) - _cost(baseline, models.baseline) - fees
        reasons.add(Reason(task, "other", model, gone), change)
        return
    for kind in TOKEN_KINDS:
        if not before.tokens.get(kind) and not after.tokens.get(kind):
            continue  # whose parts are 0
        old, new = _of_kind(before, after, kind), _of_kind(after, before, kind)
        calls, tokens, price = shares(old, new)
        reasons.add(Reason(task, "calls", model, gone), calls)
        reasons.add(Reason(task, kind, model, gone), tokens)
        reasons.add(Reason(task, "model" if gone else "price", model, gone), price)


def _factors(side: Side, rows: Sequence[CallSums]) -> _Factors | None:
    """None for calls whose cost is not that of their tokens: it has no parts, or one of a kind without tokens."""
    calls, cost = sum(row.calls for row in rows), sum(row.cost_nusd - row.fees_nusd for row in rows)
    tokens = {kind: sum(row.tokens[kind] for row in rows) for kind in TOKEN_KINDS}
    spend = {kind: sum((row.spend[kind] for row in rows), Fraction(0)) for kind in TOKEN_KINDS}
    spent = sum(spend.values(), Fraction(0))
    if (cost and not spent) or any(spend[kind] and not tokens[kind] for kind in TOKEN_KINDS):
        return None
    booked = Fraction(cost) / (spent * NUSD_PER_MTOK_USD) if spent else Fraction(1)
    return _Factors(
        calls=side.mean(calls),
        tokens={kind: Fraction(number, calls) for kind, number in tokens.items() if calls},
        prices={kind: spend[kind] * NUSD_PER_MTOK_USD * booked / number for kind, number in tokens.items() if number},
    )


def _of_kind(own: _Factors, opposite: _Factors, kind: str) -> tuple[Fraction, Fraction, Fraction]:
    """Calls, tokens of a call and price of a token. What a side does not have is taken from the opposite one, so that
    it counts as unchanged."""
    tokens = own.tokens if own.calls else opposite.tokens
    nothing = Fraction(0)
    price = own.prices.get(kind, opposite.prices.get(kind, nothing))
    return own.calls, tokens.get(kind, nothing), price
