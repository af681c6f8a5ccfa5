"""Why a month cost more than the one before: parts that sum to the difference exactly, and what their sentence says."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from runs.bill_sums.sums import Sums
from runs.bills.lines import Line
from runs.bills.values import Value
from runs.bills.why import GONE, MOVED, NEW, RUNS, Why, why
from runs.bills.words import told


def line(crew: str = "support", agent: str = "writer", model: str = "gpt-4o", **sums: Any) -> Line:
    """One of calls to a model for work, unless ``cost_class`` and ``kind`` say otherwise."""
    cost_class, kind = sums.pop("cost_class", "work"), sums.pop("kind", "model")
    codes = (crew, f"{crew}/{agent}", model, cost_class, kind)
    return Line(tuple(Value(code, code.capitalize()) for code in codes), Sums(**sums))


def asked(calls: int, prompt: int, completion: int, *, dollars: int = 1, **more: Any) -> Line:
    """Calls whose tokens cost ``dollars`` per million, ten times that for answers."""
    costs = {"prompt_nusd": prompt * 1000 * dollars, "completion_nusd": completion * 10_000 * dollars}
    tokens = {"prompt_tokens": prompt, "completion_tokens": completion, "calls": calls}
    return line(**costs, **tokens, spent_nusd=sum(costs.values()), **more)


def reasons(found: Why) -> dict[str, int]:
    added: dict[str, int] = {}
    for part in found.parts:
        added[part.reason.what] = added.get(part.reason.what, 0) + part.nusd
    return added


def test_more_runs_are_told_apart_from_more_calls_of_each() -> None:
    before = asked(100, 1000, 500)
    twice_the_runs = why([before], [asked(200, 2000, 1000)], {"support": (50, 100)})
    assert reasons(twice_the_runs) == {RUNS: before.sums.spent_nusd}
    twice_the_calls = why([before], [asked(200, 2000, 1000)], {"support": (50, 50)})
    assert reasons(twice_the_calls) == {"calls": before.sums.spent_nusd}


def test_prices_models_and_lengths_are_reasons() -> None:
    before = asked(100, 1000, 500)
    assert set(reasons(why([before], [asked(100, 1000, 500, dollars=2)], {}))) == {"price"}
    assert set(reasons(why([before], [asked(100, 1500, 500)], {}))) == {"prompt"}
    other = asked(100, 1000, 500, dollars=2, model="o4-mini")
    assert set(reasons(why([before], [other], {}))) == {"model"}


def test_crews_of_one_month_alone_and_counter_lines_are_reasons_of_their_own() -> None:
    old, new = asked(5, 100, 10), asked(7, 300, 20, crew="briefs")
    moved = replace(new, sums=new.sums + Sums(spent_nusd=-40, moved_nusd=-40, whole_nusd=-40, counter_lines=1))
    found = why([old], [moved], {})
    assert reasons(found) == {GONE: -old.sums.spent_nusd, NEW: new.sums.spent_nusd, MOVED: -40}
    assert found.difference_nusd == sum(part.nusd for part in found.parts)


def test_the_sentence_names_three_reasons_and_its_parts_sum_to_the_difference() -> None:
    before = [asked(10, 100 * number, 10, crew=f"crew{number}") for number in range(1, 7)]
    now = [asked(10 * number, 900 * number, 40, crew=f"crew{number}") for number in range(1, 8)]
    found = why(before, now, {f"crew{number}": (5, 5 + number) for number in range(1, 7)})
    sentence = told(found)
    assert len(sentence) == 4
    assert sentence[-1].words == "all else"
    assert sum(one.nusd for one in sentence) == found.difference_nusd


_amounts = st.integers(0, 10**13)
_lines = st.lists(
    st.builds(
        line,
        crew=st.sampled_from(["support", "briefs"]),
        agent=st.sampled_from(["writer", "editor", ""]),
        model=st.sampled_from(["gpt-4o", "o4-mini", "x"]),
        cost_class=st.sampled_from(["work", "work", "retry", "failed"]),
        kind=st.sampled_from(["model", "model", "tool"]),
        calls=st.integers(1, 10**6),
        prompt_tokens=st.integers(0, 10**9),
        completion_tokens=st.integers(0, 10**9),
        prompt_nusd=_amounts,
        completion_nusd=_amounts,
        reasoning_nusd=_amounts,
        searches_nusd=_amounts,
        whole_nusd=st.integers(-(10**12), 10**12),
        moved_nusd=st.sampled_from([0, 0, 7, -(10**9)]),
    ),
    max_size=8,
    unique_by=lambda one: one.values,
)


def _booked(lines: list[Line]) -> list[Line]:
    """What parts sum to is what was spent, and counter-lines are kept undivided."""
    parts = ("prompt_nusd", "completion_nusd", "reasoning_nusd", "searches_nusd", "whole_nusd")
    booked = []
    for one in lines:
        sums = replace(one.sums, whole_nusd=one.sums.whole_nusd + one.sums.moved_nusd)
        booked.append(Line(one.values, replace(sums, spent_nusd=sum(getattr(sums, name) for name in parts))))
    return booked


_ANSWERS_WITHOUT_TOKENS = [line(calls=1, prompt_tokens=1, prompt_nusd=1, completion_nusd=1)]


@example(_ANSWERS_WITHOUT_TOKENS, [line(calls=2, prompt_tokens=1, prompt_nusd=2)], 0, 0)
@settings(deadline=None, max_examples=60)
@given(_lines, _lines, st.integers(0, 9), st.integers(0, 9))
def test_parts_sum_to_the_difference_exactly(before: list[Line], now: list[Line], old: int, new: int) -> None:
    before, now = _booked(before), _booked(now)
    found = why(before, now, {"support": (old, new)})
    spent = [sum(one.sums.spent_nusd for one in lines) for lines in (before, now)]
    assert (found.before_nusd, found.now_nusd) == tuple(spent)
    assert sum(part.nusd for part in found.parts) == spent[1] - spent[0]
    assert sum(one.nusd for one in told(found)) == spent[1] - spent[0]
