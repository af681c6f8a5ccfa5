"""Splits of cost and time: of any two sides the parts sum to the difference, and they tell the right reason."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from runs.splits.align import Pair, TaskText, aligned
from runs.splits.cells import Reason, Split
from runs.splits.facts import TOKEN_KINDS, CallSums, Side, TaskSums, Totals
from runs.splits.why_cost import why_cost
from runs.splits.why_time import why_time
from runs.states import CostClass

KEYS = ("figures", "news", "brief")
MODELS = ("gpt-4o", "gpt-4o-mini", "claude")


def calls(
    task: str = "figures",
    model: str = "gpt-4o",
    *,
    calls: int = 1,
    tokens: tuple[int, int, int, int] = (100, 0, 0, 50),
    prices: tuple[str, str, str, str] = ("2.5", "1.25", "2.5", "10"),
    cost_class: str = CostClass.WORK,
    latency_ms: int = 500,
    off_nusd: int = 0,
    priced: bool = True,
    kind: str = "model",
    waited_ms: int = 0,
    nested_ms: int = 0,
    fees_nusd: int = 0,
) -> CallSums:
    """Sums of so many calls with that many tokens in all, priced per million; ``off_nusd`` and fees are added to the
    cost."""
    spend = [Fraction(number) * Fraction(price) for number, price in zip(tokens, prices, strict=True)]
    cost = max(0, round(sum(spend, Fraction(0)) * 1000) + off_nusd) + fees_nusd if priced else 0
    return CallSums(
        task=task,
        model=model if kind == "model" else "",
        cost_class=cost_class,
        kind=kind,
        priced=priced,
        calls=calls,
        requests=calls,
        cost_nusd=cost,
        tokens=dict(zip(TOKEN_KINDS, tokens, strict=True)),
        spend=dict(zip(TOKEN_KINDS, spend, strict=True)),
        latency_ms=latency_ms,
        waited_ms=waited_ms,
        nested_ms=nested_ms,
        fees_nusd=fees_nusd if priced else 0,
    )


def side(
    rows: list[CallSums],
    *,
    runs: int = 1,
    timed: int | None = None,
    queue_ms: int = 0,
    duration_ms: int = 10_000,
    paused_ms: int = 0,
    tasks: dict[str, int] | None = None,
    person: int = 0,
) -> Side:
    """``tasks``: key to milliseconds."""
    tasks = dict.fromkeys((row.task for row in rows if row.task), 1000) if tasks is None else tasks
    totals = Totals(
        runs=runs,
        succeeded=runs,
        timed=runs if timed is None else timed,
        spent_nusd=sum(row.cost_nusd for row in rows),
        unpriced_calls=sum(row.calls for row in rows if not row.priced),
        unpriced_runs=0,
        prompt_tokens=0,
        cached_prompt_tokens=0,
        cache_write_tokens=0,
        completion_tokens=0,
        reasoning_tokens=0,
        requests=0,
        queue_ms=queue_ms,
        duration_ms=duration_ms,
        paused_ms=paused_ms,
    )
    sums = [
        TaskSums(key, place, key, "agent", "", runs, ms, person_ms=person)
        for place, (key, ms) in enumerate(tasks.items())
    ]
    return Side("x", "x", False, totals, sums, rows)


def pairs_of(one: Side, other: Side, chosen: dict[str, str] | None = None) -> list[Pair]:
    texts = [[TaskText(task.key, task.name, "", task.agent) for task in of.tasks] for of in (one, other)]
    return aligned(*texts, chosen or {})


def cost_of(one: Side, other: Side, chosen: dict[str, str] | None = None) -> Split:
    return why_cost(one, other, pairs_of(one, other, chosen))


def amounts(split: Split | None) -> dict[tuple[str, str], int]:
    assert split is not None
    return {(part.reason.task, part.reason.what): part.amount for part in split.parts}


tokens = st.tuples(*(st.integers(0, 10**6) for _ in TOKEN_KINDS))
price = st.decimals(0, 100, places=4).map(str)
rows = st.builds(
    calls,
    task=st.sampled_from((*KEYS, "")),
    model=st.sampled_from(MODELS),
    calls=st.integers(1, 50),
    tokens=tokens,
    prices=st.tuples(price, price, price, price),
    cost_class=st.sampled_from(list(CostClass.values)) | st.just("work"),
    latency_ms=st.integers(0, 10**6),
    off_nusd=st.integers(-50, 50) | st.integers(0, 10**9),
    priced=st.booleans() | st.just(True),
    kind=st.sampled_from(("model", "model", "tool", "task")),
    waited_ms=st.integers(0, 10**4),
    nested_ms=st.integers(0, 10**4),
    fees_nusd=st.just(0) | st.integers(-(10**3), 10**8),
)
sides = st.builds(
    side,
    st.lists(rows, max_size=8),
    runs=st.integers(1, 10_000),
    timed=st.integers(0, 10_000) | st.none(),
    queue_ms=st.integers(0, 10**5),
    duration_ms=st.integers(0, 10**6),
    paused_ms=st.integers(0, 10**6),
    tasks=st.dictionaries(st.sampled_from(KEYS), st.integers(0, 10**6), min_size=3),
    person=st.integers(0, 10**5),
)
choices = st.dictionaries(st.sampled_from(KEYS), st.sampled_from((*KEYS, "")))


@settings(max_examples=60)
@given(sides, sides, choices)
def test_parts_of_any_two_sides_sum_to_the_difference(one: Side, other: Side, chosen: dict[str, str]) -> None:
    for before, after in ((one, other), (other, one)):
        cost = cost_of(before, after, chosen)
        assert sum(part.amount for part in cost.parts) == cost.difference
        assert (cost.baseline, cost.other) == tuple(
            round(Fraction(sum(row.cost_nusd for row in of.calls), of.totals.runs)) for of in (before, after)
        )
        time = why_time(before, after, pairs_of(before, after, chosen))
        if time is None:
            assert 0 in (before.totals.timed, after.totals.timed)
        else:
            assert sum(part.amount for part in time.parts) == time.difference


@settings(max_examples=25)
@given(sides)
def test_a_side_differs_in_nothing_from_itself(one: Side) -> None:
    assert cost_of(one, one).parts == []
    time = why_time(one, one, pairs_of(one, one))
    assert time is None or time.parts == []


@settings(max_examples=40)
@given(sides, sides)
def test_the_split_seen_from_the_other_side_is_its_opposite(one: Side, other: Side) -> None:
    """What one side adds the other one removes; else each reason has the same share, up to rounding."""
    there, back = cost_of(one, other), cost_of(other, one)
    assert there.difference == -back.difference
    turned = {"added": "removed", "removed": "added"}

    def by_reason(split: Split, sign: int) -> dict[tuple[str, str], int]:
        found: dict[tuple[str, str], int] = {}
        for part in split.parts:
            what = part.reason.what if sign > 0 else turned.get(part.reason.what, part.reason.what)
            key = (part.reason.task, what)
            found[key] = found.get(key, 0) + sign * part.amount
        return found

    ahead, behind = by_reason(there, 1), by_reason(back, -1)
    for key in ahead.keys() | behind.keys():
        assert abs(ahead.get(key, 0) - behind.get(key, 0)) <= 10


class TestCost:
    def test_more_calls_of_the_same_kind_are_told_as_calls(self) -> None:
        split = cost_of(side([calls()]), side([calls(calls=2, tokens=(200, 0, 0, 100))]))
        assert amounts(split) == {("figures", "calls"): 750_000}

    def test_a_longer_prompt_and_a_longer_answer_are_told_apart(self) -> None:
        split = cost_of(side([calls()]), side([calls(tokens=(300, 0, 0, 60))]))
        assert amounts(split) == {("figures", "prompt"): 500_000, ("figures", "completion"): 100_000}

    def test_a_prompt_that_is_cached_moves_tokens_from_one_price_to_another(self) -> None:
        split = cost_of(side([calls()]), side([calls(tokens=(20, 80, 0, 50))]))
        assert amounts(split) == {("figures", "prompt"): -200_000, ("figures", "cached"): 100_000}

    def test_a_new_price_of_the_same_model_is_its_price(self) -> None:
        split = cost_of(side([calls()]), side([calls(prices=("2.5", "0", "0", "20"))]))
        assert amounts(split) == {("figures", "price"): 500_000}

    def test_fees_are_a_reason_of_their_own_and_move_no_price(self) -> None:
        split = cost_of(side([calls(fees_nusd=5_000_000)]), side([calls(tokens=(300, 0, 0, 50), fees_nusd=8_000_000)]))
        assert amounts(split) == {("figures", "fees"): 3_000_000, ("figures", "prompt"): 500_000}

    def test_another_model_is_a_reason_of_its_own_that_names_both(self) -> None:
        split = cost_of(side([calls()]), side([calls(model="gpt-4o-mini", prices=("0.15", "0", "0", "0.6"))]))
        (part,) = split.parts
        assert part.reason == Reason("figures", "model", "gpt-4o-mini", "gpt-4o")
        assert part.amount == 45_000 - 750_000

    def test_a_model_that_is_asked_besides_is_calls_and_not_a_change_of_models(self) -> None:
        split = cost_of(side([calls()]), side([calls(), calls(model="claude")]))
        assert [(part.reason.what, part.reason.model) for part in split.parts] == [("calls", "claude")]

    def test_retries_and_failures_are_told_by_their_class(self) -> None:
        split = cost_of(side([calls()]), side([calls(), calls(cost_class="retry"), calls(cost_class="failed")]))
        assert amounts(split) == {("figures", "retry"): 750_000, ("figures", "failed"): 750_000}

    def test_tasks_that_one_side_lacks_are_added_or_removed_whole(self) -> None:
        split = cost_of(side([calls("news")]), side([calls("brief", tokens=(0, 0, 0, 100))], tasks={"brief": 5}))
        assert amounts(split) == {("news", "removed"): -750_000, ("brief", "added"): 1_000_000}

    def test_calls_without_a_price_are_left_out_on_both_sides(self) -> None:
        split = cost_of(side([calls()]), side([calls(), calls(model="acme", priced=False, tokens=(9, 0, 0, 9))]))
        assert split.parts == []

    def test_a_cost_that_no_tokens_explain_is_told_as_such(self) -> None:
        split = cost_of(side([calls()]), side([calls(tokens=(0, 0, 0, 0), off_nusd=100)]))
        assert amounts(split) == {("figures", "other"): 100 - 750_000}

    def test_a_group_is_told_of_its_mean_run(self) -> None:
        split = cost_of(side([calls(calls=3, tokens=(300, 0, 0, 150))], runs=3), side([calls()], runs=2))
        assert (split.baseline, split.other) == (750_000, 375_000)
        assert amounts(split) == {("figures", "calls"): -375_000}


class TestTime:
    def test_each_kind_of_wait_is_a_reason(self) -> None:
        quick = side([calls()], duration_ms=1000)
        slow = side(
            [calls(waited_ms=300)],
            queue_ms=2000,
            duration_ms=1000 + 300 + 5000 + 700,
            paused_ms=5700,
            tasks={"figures": 7000},
            person=5000,
        )
        assert amounts(why_time(quick, slow, pairs_of(quick, slow))) == {
            ("", "queue"): 2000,
            ("figures", "waited"): 300,
            ("figures", "person"): 5000,
            ("", "paused"): 700,
        }

    def test_tokens_and_speed_of_a_model_are_told_apart(self) -> None:
        one = side([calls(latency_ms=500)], duration_ms=1000)
        longer = side([calls(latency_ms=1000, tokens=(100, 0, 0, 100))], duration_ms=1500, tasks={"figures": 1500})
        slower = side([calls(latency_ms=1000)], duration_ms=1500, tasks={"figures": 1500})
        assert amounts(why_time(one, longer, pairs_of(one, longer))) == {("figures", "completion"): 500}
        assert amounts(why_time(one, slower, pairs_of(one, slower))) == {("figures", "speed"): 500}

    def test_tasks_at_once_are_what_order_gained(self) -> None:
        both = [calls("figures"), calls("news")]
        in_turn, at_once = side(both, duration_ms=2000), side(both, duration_ms=1000)
        assert amounts(why_time(in_turn, at_once, pairs_of(in_turn, at_once))) == {("", "order"): -1000}

    def test_what_a_co_worker_was_asked_is_the_models_time_and_not_the_tools(self) -> None:
        plain = side([calls(kind="tool", latency_ms=900, tokens=(0, 0, 0, 0))])
        asked = side(
            [
                calls(kind="tool", latency_ms=900, tokens=(0, 0, 0, 0)),
                replace(calls(latency_ms=400), nested_ms=400),
            ]
        )
        found = amounts(why_time(plain, asked, pairs_of(plain, asked)))
        assert found == {("figures", "tools"): -400, ("figures", "calls"): 400}

    def test_there_is_no_split_without_an_end(self) -> None:
        one, other = side([calls()]), side([calls()], timed=0)
        assert why_time(one, other, pairs_of(one, other)) is None
