"""Whatever the lines are, everything that the head says of them has the same total."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from runs.closing.lines import AMOUNTS, COUNTS, TOKENS, in_usd
from runs.closing.sums import DIMENSIONS, Sums, to_nusd_exactly
from runs.money import usd_text
from runs.states import CostClass

names = st.one_of(st.none(), st.sampled_from(["a", "b", "none", "=1", "Zürich", ""]))
amounts = st.integers(0, 10**18)


@st.composite
def lines(draw: Any) -> dict[str, Any]:
    parts = [draw(amounts) for _ in AMOUNTS]
    calls = draw(st.integers(1, 10**6))
    labels = draw(
        st.dictionaries(st.sampled_from(["customer", "project"]), st.sampled_from(["none", "", "A", 1]), max_size=2)
    )
    return {
        **{name: draw(names) for name in ("agent", "model", "provider_key", "person", "person_email", "api_token")},
        **{name: draw(st.sampled_from(["crew", "other"])) for name in ("crew", "crew_slug")},
        **dict.fromkeys(COUNTS, calls),
        **{name: draw(st.integers(0, 10**12)) for name in TOKENS},
        **{in_usd(name): usd_text(part) for name, part in zip(AMOUNTS, parts, strict=True)},
        "labels": labels,
        "unpriced_calls": draw(st.integers(0, 1)),
        "version": draw(st.integers(1, 2)),
        "day": draw(st.sampled_from(["2026-10-01", "2026-10-31"])),
        "cost_class": draw(st.sampled_from(CostClass.values)),
        "nusd": sum(parts),
    }


@settings(max_examples=60)
@given(st.lists(lines(), max_size=12), st.lists(st.integers(-(10**18), 10**18), max_size=3))
def test_all_dimensions_have_the_same_total(given_lines: list[dict[str, Any]], counter: list[int]) -> None:
    sums = Sums()
    for line in given_lines:
        sums.add(json.dumps(line), line["nusd"], is_counter_line=False)
    for nusd in counter:
        sums.add("{}", nusd, is_counter_line=True)
    total, calls = sum(line["nusd"] for line in given_lines), sum(line["calls"] for line in given_lines)
    assert (sums.total.nusd, sums.counter_nusd, sums.total.calls) == (total, sum(counter), calls)
    by = sums.by()
    assert set(DIMENSIONS) <= set(by)
    for rows in (*by.values(), sums.positions()):
        assert sum(Decimal(row["known_cost_usd"]) for row in rows) * 10**9 == total
        assert sum(row["calls"] for row in rows) == calls
    for number, name in enumerate(AMOUNTS):
        assert sums.amounts[name] == sum(to_nusd_exactly(line[in_usd(name)]) for line in given_lines), number


@given(st.integers(-(10**18), 10**18))
def test_an_amount_is_read_back_as_it_was_written(nusd: int) -> None:
    text = usd_text(nusd)
    assert text is not None
    assert to_nusd_exactly(text) == nusd
