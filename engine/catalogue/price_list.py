"""The default prices and facts of models, from the JSON file in the litellm package. LiteLLM itself is not imported.

Prices are those of ordinary requests. Nothing here makes requests of other service tiers, batches, caches kept for an
hour, characters, pictures or sound, so their prices are left out. So are those of off-peak hours: a provider then bills
less than is booked.
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
"""A price for long prompts. Other endings, such as ``_priority``, belong to other service tiers."""
INCLUSIVE_PROVIDERS = ("xai",)
"""Providers whose tiers begin at their threshold, not above it (docs.x.ai/developers/pricing; LiteLLM has the same)."""


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """What a model can take and give. A figure is None where the list does not say."""

    context_tokens: int | None = None
    max_output_tokens: int | None = None
    tools: bool = False
    schema: bool = False
    reasoning: bool = False


def source() -> str:
    """The name and version of this list, for people and for the ledger."""
    return f"litellm {version('litellm')}"


def prices() -> dict[str, Price]:
    """The price of every chat model in the list, by its id there.

    Models that lack the price of input or of output are left out.
    """
    prices_by_model = {model: _price(entry) for model, entry in _entries().items()}
    return {model: price for model, price in prices_by_model.items() if price is not None}


def facts(model: str) -> ModelFacts | None:
    """What the list says about a model; None if the model is not in it."""
    entry = _entry(model)
    if entry is None:
        return None
    return ModelFacts(
        context_tokens=_int_or_none(entry.get("max_input_tokens") or entry.get("max_tokens")),
        max_output_tokens=_int_or_none(entry.get("max_output_tokens") or entry.get("max_tokens")),
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
    listed = json.loads((package_folder() / MAP_FILE).read_text("utf-8"), parse_float=Decimal)
    return {name: entry for name, entry in listed.items() if entry.get("mode") in CHAT_MODES and name != "sample_spec"}


@cache
def package_folder() -> Path:
    """The folder of the litellm package, found without importing it. Raises ``RuntimeError`` if there is none."""
    spec = find_spec("litellm")
    if spec is None or not spec.submodule_search_locations:
        raise RuntimeError("The litellm package is not installed.")
    return Path(spec.submodule_search_locations[0])


def _price(entry: dict[str, Any]) -> Price | None:
    tiers = list(_tiers_by_range(entry) if "tiered_pricing" in entry else _tiers_by_threshold(entry))
    if any(
        costs.get(needed) is None for _, costs in tiers for needed in ("input_cost_per_token", "output_cost_per_token")
    ):
        return None
    (_, ordinary), *longer = tiers
    return Price(**_rates(ordinary), tiers=tuple(Rates(**_rates(costs), above_tokens=above) for above, costs in longer))


def _tiers_by_threshold(entry: dict[str, Any]) -> Iterator[tuple[int, dict[str, Any]]]:
    """(threshold in tokens, costs), from 0 on. A tier keeps the costs of the tier below that it does not change."""
    changes: dict[int, dict[str, Any]] = {}
    for name, cost in entry.items():
        if (match := ABOVE.fullmatch(name)) and cost is not None:
            above = int(match[2]) * (1000 if match[3] else 1) - (entry.get("litellm_provider") in INCLUSIVE_PROVIDERS)
            changes.setdefault(above, {})[match[1]] = cost
    costs = {name: entry.get(name) for name in RATE_FIELDS}
    yield 0, costs
    for above in sorted(changes):
        costs = costs | changes[above]
        yield above, costs


def _tiers_by_range(entry: dict[str, Any]) -> Iterator[tuple[int, dict[str, Any]]]:
    """The same from ``tiered_pricing``.

    A tier that prices reasoning differently from other output gets no price, because ``Rates`` cannot express it.
    """
    for tier in sorted(entry["tiered_pricing"], key=lambda tier: tier["range"][0]):
        output = tier.get("output_cost_per_token", entry.get("output_cost_per_token"))
        costs = tier | {"output_cost_per_token": output}
        if tier.get("output_cost_per_reasoning_token", output) != output:
            costs["output_cost_per_token"] = None
        yield int(tier["range"][0]), costs


def _rates(costs: dict[str, Any]) -> dict[str, Any]:
    return {field: _per_mtok(costs.get(name)) for name, field in RATE_FIELDS.items()}


def _per_mtok(per_token: Decimal | int | None) -> Decimal | None:
    return None if per_token is None else (Decimal(per_token) * MTOK).quantize(Decimal("1e-10"))


def _int_or_none(value: Any) -> int | None:
    try:
        return int(value)
    except (TypeError, ValueError):
        return None
