"""What a provider's usage says besides tokens: what the request costs, its searches, and tokens of citations.

It is foreign data: a figure that cannot be true counts as not there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from engine.catalogue.pricing import Usage

MAX_STATED_NUSD = 10_000 * 1_000_000_000
"""Nobody pays more for one request."""
MAX_COUNT = 100_000_000
MAX_SEARCHES = 1_000
"""A reply that says more of them is not believed: each costs cents."""
TICKS_PER_NUSD = 10
"""xAI counts in ticks, 10,000,000,000 to a dollar."""
BESIDES = frozenset(
    {
        *("cost", "cost_details", "is_byok", "cost_in_usd_ticks"),
        *("num_search_queries", "server_tool_use", "citation_tokens"),
    }
)
"""Names in a usage under which it says more than tokens."""


def besides_tokens(usage: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of ``pricing.Usage`` that are no counts of ordinary tokens, as far as the usage says them."""
    return {
        "stated_nusd": _stated_nusd(usage),
        "searches": _searches(usage),
        "citation_tokens": _count(usage.get("citation_tokens")),
    }


def with_besides(usage: Usage, said: Mapping[str, Any]) -> Usage:
    """The usage with what ``said``, the provider's own as it came, says besides tokens.

    A model that researches counts its reasoning beside the reply, and not within it as all others do.
    """
    reasoning = _count(said.get("reasoning_tokens"))
    if "citation_tokens" in said and reasoning and usage.completion_tokens == said.get("completion_tokens"):
        usage = replace(usage, completion_tokens=usage.completion_tokens + reasoning, reasoning_tokens=reasoning)
    return replace(usage, **besides_tokens(said))


def _stated_nusd(usage: Mapping[str, Any]) -> int | None:
    cost, ticks = usage.get("cost"), usage.get("cost_in_usd_ticks")
    if isinstance(cost, Mapping):  # Perplexity
        return _nusd(cost.get("total_cost"))
    if cost is not None:  # OpenRouter: what it takes, and with a key of one's own also what the maker then bills
        details = usage.get("cost_details")
        upstream = details.get("upstream_inference_cost") if isinstance(details, Mapping) else None
        own = _nusd(cost)
        makers = _nusd(upstream) if usage.get("is_byok") is True else None
        return own if own is None or makers is None else own + makers
    return None if ticks is None else _nusd(ticks, per_usd=1_000_000_000 * TICKS_PER_NUSD)


def _nusd(amount: Any, *, per_usd: int = 1) -> int | None:
    """Whole 1e-9 USD, rounded half up; None for what is no believable amount. A float is taken as it is written."""
    if isinstance(amount, bool) or not isinstance(amount, int | float | str) or len(str(amount)) > 40:
        return None
    try:
        usd = Decimal(str(amount)) / per_usd
        whole = (usd * 1_000_000_000).quantize(Decimal(1), rounding=ROUND_HALF_UP)
    except ArithmeticError:  # an exponent beyond all reason, or no number
        return None
    return int(whole) if whole.is_finite() and 0 <= whole <= MAX_STATED_NUSD else None


def _searches(usage: Mapping[str, Any]) -> int:
    """Perplexity has a figure of its own, Anthropic one below ``server_tool_use``, and LiteLLM puts Gemini's there."""
    places = (
        (usage, "num_search_queries"),
        (usage.get("server_tool_use"), "web_search_requests"),
        (usage.get("prompt_tokens_details"), "web_search_requests"),
    )
    found = (_count(place.get(name)) for place, name in places if isinstance(place, Mapping))
    return max((count for count in found if count <= MAX_SEARCHES), default=0)


def _count(value: Any) -> int:
    is_count = isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MAX_COUNT
    return value if is_count else 0
