"""What a usage says besides tokens, as providers write it; what cannot be true counts as not said."""

from __future__ import annotations

from typing import Any

import pytest

from engine.catalogue.pricing import Usage
from engine.catalogue.stated_costs import MAX_STATED_NUSD, besides_tokens, with_besides

RESEARCH = {
    "prompt_tokens": 33,
    "completion_tokens": 7163,
    "total_tokens": 7196,
    "citation_tokens": 20016,
    "num_search_queries": 18,
    "reasoning_tokens": 73997,
    "cost": {"request_cost": 0.0, "total_cost": 0.409393},
}
"""Perplexity's own example of its deep research: its reasoning is beside the reply."""


@pytest.mark.parametrize(
    ("usage", "nusd"),
    [
        ({"cost": {"total_cost": 0.005214}}, 5_214_000),
        ({"cost": 0.00014}, 140_000),
        ({"cost": 0}, 0),
        ({"cost": "0.00014"}, 140_000),
        ({"cost": 1e-10}, 0),
        ({"cost": 5e-10}, 1),
        # Upstream's figure equals the cost, and counts beside it only with a key of one's own.
        ({"cost": 0.01, "is_byok": False, "cost_details": {"upstream_inference_cost": 0.01}}, 10_000_000),
        ({"cost": 0.0005, "is_byok": True, "cost_details": {"upstream_inference_cost": 0.01}}, 10_500_000),
        ({"cost": 0.0005, "is_byok": True, "cost_details": None}, 500_000),
        ({"cost_in_usd_ticks": 37_756_000}, 3_775_600),
        ({}, None),
        ({"cost": None}, None),
        ({"cost": -0.5}, None),
        ({"cost": True}, None),
        ({"cost": "much"}, None),
        ({"cost": float("nan")}, None),
        ({"cost": float("inf")}, None),
        ({"cost": {"total_cost": [1]}}, None),
        ({"cost": 10_001}, None),
        ({"cost_in_usd_ticks": 10**40}, None),
    ],
)
def test_what_a_request_costs(usage: dict[str, Any], nusd: int | None) -> None:
    assert besides_tokens(usage)["stated_nusd"] == nusd


def test_the_most_that_is_believed() -> None:
    assert besides_tokens({"cost": 10_000})["stated_nusd"] == MAX_STATED_NUSD


@pytest.mark.parametrize(
    ("usage", "searches"),
    [
        ({"num_search_queries": 18}, 18),
        ({"server_tool_use": {"web_search_requests": 2}}, 2),
        ({"prompt_tokens_details": {"web_search_requests": 3}}, 3),
        ({"num_search_queries": -1, "server_tool_use": []}, 0),
        ({"num_search_queries": "18"}, 0),
    ],
)
def test_searches(usage: dict[str, Any], searches: int) -> None:
    assert besides_tokens(usage)["searches"] == searches


def test_reasoning_beside_the_reply_is_added_to_it_once() -> None:
    usage = with_besides(Usage(33, completion_tokens=7163, reasoning_tokens=7163), RESEARCH)
    assert (usage.completion_tokens, usage.reasoning_tokens) == (7163 + 73997, 73997)
    assert (usage.citation_tokens, usage.searches, usage.stated_nusd) == (20016, 18, 409_393_000)
    assert with_besides(usage, RESEARCH) == usage
