"""The default price list and model facts: LiteLLM's bundled map, read as a file so that LiteLLM itself is not
imported.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from engine.models import bare_id, real_id
from engine.pricing import Price

MAP_FILE = "model_prices_and_context_window_backup.json"
MTOK = 1_000_000
CHAT_MODES = ("chat", "responses", "completion")


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
    given = (entry.get("input_cost_per_token"), entry.get("output_cost_per_token"))
    if given[0] is None or given[1] is None:
        return None
    return Price(
        input_usd_per_mtok=_per_mtok(given[0]),
        output_usd_per_mtok=_per_mtok(given[1]),
        cached_usd_per_mtok=_optional(entry.get("cache_read_input_token_cost")),
        cache_write_usd_per_mtok=_optional(entry.get("cache_creation_input_token_cost")),
    )


def _per_mtok(per_token: Decimal | int) -> Decimal:
    return (Decimal(per_token) * MTOK).quantize(Decimal("1e-10"))


def _optional(per_token: Decimal | int | None) -> Decimal | None:
    return None if per_token is None else _per_mtok(per_token)


def _whole(value: Any) -> int | None:
    try:
        return int(value)
    except (TypeError, ValueError):
        return None
