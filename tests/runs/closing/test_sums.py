"""Whatever the lines are, everything that the head says of them has the same total."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from runs.closing.lines import AMOUNTS, CALLS, COUNTER_LINE, COUNTS, TOKENS, in_usd
from runs.closing.sums import DIMENSIONS, MOST_VALUES, OTHERS, Sums
from runs.money import to_nusd, usd_text
from runs.states import RUN_ENDED, CostClass, waste_of

names = st.one_of(st.none(), st.sampled_from(["a", "b", "none", "=1", "Zürich", ""]))
amounts = st.integers(0, 10**18)


@st.composite
def lines(draw: Any) -> dict[str, Any]:
    return {
        **{name: draw(names) for name in ("agent", "model", "provider_key", "person", "person_email", "api_token")},
        **dict.fromkeys(("batch", "batch_id"), draw(names)),
        **{name: draw(st.sampled_from(["crew", "other"])) for name in ("crew", "crew_slug")},
        "version": draw(st.integers(1, 2)),
        "day": draw(st.sampled_from(["2026-10-01", "2026-10-31"])),
        "cost_class": draw(st.sampled_from(CostClass.values)),
        "run_state": draw(st.sampled_from(RUN_ENDED)),
        **draw(st.one_of(of_calls(), of_counter_lines())),
    }


@st.composite
def of_calls(draw: Any) -> dict[str, Any]:
    parts = [draw(amounts) for _ in AMOUNTS]
    calls, unpriced = draw(st.integers(1, 10**6)), draw(st.integers(0, 1))
    return {
        "kind": CALLS,
        **dict.fromkeys(COUNTS, calls),
        **{name: draw(st.integers(0, 10**12)) for name in TOKENS},
        **{in_usd(name): usd_text(part) for name, part in zip(AMOUNTS, parts, strict=True)},
        "unpriced_calls": unpriced,
        "cost_usd": None if unpriced else usd_text(sum(parts)),
        "nusd": sum(parts),
    }


@st.composite
def of_counter_lines(draw: Any) -> dict[str, Any]:
    nusd = draw(st.integers(-(10**18), 10**18))
    return {"kind": COUNTER_LINE, "cost_usd": draw(st.sampled_from([None, usd_text(nusd)])), "nusd": nusd}


def summed(given_lines: list[dict[str, Any]]) -> Sums:
    sums = Sums()
    for line in given_lines:
        sums.add(json.dumps(line), line["nusd"])
    return sums


def nusd_of(rows: list[dict[str, Any]]) -> Decimal:
    return sum((Decimal(row["known_cost_usd"]) for row in rows), Decimal(0)) * 10**9


@settings(max_examples=60)
@given(st.lists(lines(), max_size=12))
def test_all_dimensions_have_the_same_total(given_lines: list[dict[str, Any]]) -> None:
    sums = summed(given_lines)
    calls = [line for line in given_lines if line["kind"] == CALLS]
    total, count = sum(line["nusd"] for line in given_lines), sum(line["calls"] for line in calls)
    assert (sums.total.nusd, sums.total.calls) == (total, count)
    assert sums.total.counter_lines == len(given_lines) - len(calls)
    by = sums.by()
    assert set(DIMENSIONS) == set(by)
    for name, rows in by.items():
        assert nusd_of(rows) == total, name
        assert sum(row["calls"] for row in rows) == count, name
        assert sum(row["counter_lines"] for row in rows) == len(given_lines) - len(calls), name
    assert nusd_of(sums.positions()) == sums.calls.sum.nusd == sum(line["nusd"] for line in calls)
    for name in AMOUNTS:
        assert sums.amounts[name] == sum(to_nusd(Decimal(line[in_usd(name)])) for line in calls), name
    wasted = sum(line["nusd"] for line in given_lines if waste_of(line["cost_class"], line["run_state"]))
    assert sum(one.nusd for one in sums.waste().values()) == wasted


def test_values_beyond_a_thousand_are_one_sum() -> None:
    """A model's name is a text of a crew: a program may use any number of them."""
    line = {
        **dict.fromkeys(("agent", "provider_key", "person", "person_email", "api_token", "batch_id")),
        **dict.fromkeys(COUNTS, 1),
        **dict.fromkeys(TOKENS, 3),
        **{in_usd(name): "0" for name in AMOUNTS},
    } | {"crew": "Crew", "crew_slug": "crew", "version": 1, "day": "2026-10-01", "kind": CALLS}
    line |= {"cost_class": "work", "run_state": "succeeded", "unpriced_calls": 0}
    given_lines = [
        line | {"model": f"model {nusd}", "nusd": nusd, "cost_usd": usd_text(nusd)} for nusd in range(MOST_VALUES + 3)
    ]
    sums = summed(given_lines)
    models = sums.by()["model"]
    assert len(models) == MOST_VALUES + 1
    assert models[0]["name"] == f"model {MOST_VALUES + 2}"
    others = [models[-1][name] for name in ("name", "values", "calls", "counter_lines", "cost_usd")]
    assert others == [OTHERS, 3, 3, 0, "0.000000003"]
    positions = sums.positions()
    assert len(positions) == MOST_VALUES + 1
    assert (positions[-1]["values"], positions[-1]["prompt_tokens"], positions[-1]["calls"]) == (3, 9, 3)
    assert nusd_of(models) == nusd_of(positions) == sum(range(MOST_VALUES + 3))


@given(st.integers(-(10**18), 10**18))
def test_an_amount_is_read_back_as_it_was_written(nusd: int) -> None:
    text = usd_text(nusd)
    assert text is not None
    assert to_nusd(Decimal(text)) == nusd
