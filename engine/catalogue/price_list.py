"""The default price list and model facts: LiteLLM's bundled map, read as a file so that LiteLLM itself is not
imported.

Prices are those of ordinary requests. Left out is what the list says of other service tiers, batches, caches kept for
an hour, characters, pictures and sound, because no such request is made here; and of off-peak hours, when a provider
bills less than is booked.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from engine.catalogue.model_ids import bare_id, real_id
from engine.catalogue.pricing import Price, Rates

MAP_FILE = "model_prices_and_context_window_backup.json"
MTOK = 1_000_000
CHAT_MODES = ("chat", "responses", "completion")
RATE_FIELDS = {
    "input_cost_per_token": "input_usd_per_mtok",
    "output_cost_per_token": "output_usd_per_mtok",
    "cache_read_input_token_cost": "cached_usd_per_mtok",
    "cache_creation_input_token_cost": "cache_write_usd_per_mtok",
}
ABOVE = re.compile(rf"({'|'.join(RATE_FIELDS)})_above_(\d+)(k?)_tokens")
"""A price of long prompts. Other endings, such as ``_priority``, are of other service tiers."""
INCLUSIVE_PROVIDERS = ("xai",)
"""Bill by a tier from its threshold on, not above it (docs.x.ai/developers/pricing; LiteLLM knows the same ones)."""


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """What a model can take and give. None where the list does not say."""

    context_tokens: int | None = None
    max_output_tokens: int | None = None
    tools: bool = False
    schema: bool = False
    reasoning: bool = False


def source() -> str:
    """Which list this is, for people and for the ledger."""
    return f"litellm {version('litellm')}"


def prices() -> dict[str, Price]:
    """The price of every chat model of the list, by its id there. Models without both prices are left out."""
    found = {model: _price(entry) for model, entry in _entries().items()}
    return {model: price for model, price in found.items() if price is not None}


def facts(model: str) -> ModelFacts | None:
    """What the list says about a model, None if it does not know it."""
    entry = _entry(model)
    if entry is None:
        return None
    return ModelFacts(
        context_tokens=_whole(entry.get("max_input_tokens") or entry.get("max_tokens")),
        max_output_tokens=_whole(entry.get("max_output_tokens") or entry.get("max_tokens")),
        tools=bool(entry.get("supports_function_calling")),
        schema=bool(entry.get("supports_response_schema")),
        reasoning=bool(entry.get("supports_reasoning")),
    )


class DefaultPrices:
    """The default list as a ``PriceTable``."""

    def price(self, model: str) -> Price | None:
        entry = _entry(model)
        return _price(entry) if entry else None


def _entry(model: str) -> dict[str, Any] | None:
    entries = _entries()
    for name in (real_id(model), bare_id(model)):
        if name in entries:
            return entries[name]
    return None


@cache
def _entries() -> dict[str, dict[str, Any]]:
    whole = json.loads((package_folder() / MAP_FILE).read_text("utf-8"), parse_float=Decimal)
    return {name: entry for name, entry in whole.items() if entry.get("mode") in CHAT_MODES and name != "sample_spec"}


@cache
def package_folder() -> Path:
    """Where LiteLLM is installed, found without importing it."""
    spec = find_spec("litellm")
    if spec is None or not spec.submodule_search_locations:
        raise RuntimeError("The litellm package is not installed.")
    return Path(spec.submodule_search_locations[0])


def _price(entry: dict[str, Any]) -> Price | None:
    steps = list(_by_range(entry) if "tiered_pricing" in entry else _by_threshold(entry))
    if any(
        costs.get(needed) is None for _, costs in steps for needed in ("input_cost_per_token", "output_cost_per_token")
    ):
        return None
    (_, ordinary), *longer = steps
    return Price(**_rates(ordinary), tiers=tuple(Rates(**_rates(costs), above_tokens=above) for above, costs in longer))


def _by_threshold(entry: dict[str, Any]) -> Iterator[tuple[int, dict[str, Any]]]:
    """The costs from 0 tokens on, then those above each threshold, which keep what they do not change."""
    changes: dict[int, dict[str, Any]] = {}
    for name, cost in entry.items():
        if (found := ABOVE.fullmatch(name)) and cost is not None:
            above = int(found[2]) * (1000 if found[3] else 1) - (entry.get("litellm_provider") in INCLUSIVE_PROVIDERS)
            changes.setdefault(above, {})[found[1]] = cost
    costs = {name: entry.get(name) for name in RATE_FIELDS}
    yield 0, costs
    for above in sorted(changes):
        costs = costs | changes[above]
        yield above, costs


def _by_range(entry: dict[str, Any]) -> Iterator[tuple[int, dict[str, Any]]]:
    """The costs of ``tiered_pricing``. A range with a price of its own for reasoning is not priced: ours has none."""
    for tier in sorted(entry["tiered_pricing"], key=lambda tier: tier["range"][0]):
        output = tier.get("output_cost_per_token", entry.get("output_cost_per_token"))
        costs = tier | {"output_cost_per_token": output}
        if tier.get("output_cost_per_reasoning_token", output) != output:
            costs["output_cost_per_token"] = None
        yield int(tier["range"][0]), costs


def _rates(costs: dict[str, Any]) -> dict[str, Any]:
    return {field: _optional(costs.get(name)) for name, field in RATE_FIELDS.items()}


def _per_mtok(per_token: Decimal | int) -> Decimal:
    return (Decimal(per_token) * MTOK).quantize(Decimal("1e-10"))


def _optional(per_token: Decimal | int | None) -> Decimal | None:
    return None if per_token is None else _per_mtok(per_token)


def _whole(value: Any) -> int | None:
    try:
        return int(value)
    except (TypeError, ValueError):
        return None
