"""The default prices and facts of models, from the JSON file in the litellm package. LiteLLM itself is not imported.

Prices are those of ordinary requests, with their fees. Nothing here makes requests of other service tiers, batches,
caches kept for an hour, characters, pictures or sound, so their prices are left out. So are those of off-peak hours: a
provider then bills less than is booked.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cache, lru_cache
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from engine.catalogue.price_names import FREE, FULL_DATE, is_of, names_of
from engine.catalogue.pricing import MTOK, Price, Rates

MAP_FILE = "model_prices_and_context_window_backup.json"
MOST_REMEMBERED = 4096
"""Model ids whose names in the list are remembered: each request asks for them several times."""
CHAT_MODES = ("chat", "responses", "completion")
RATE_FIELDS = {
    "input_cost_per_token": "input_usd_per_mtok",
    "output_cost_per_token": "output_usd_per_mtok",
    "cache_read_input_token_cost": "cached_usd_per_mtok",
    "cache_creation_input_token_cost": "cache_write_usd_per_mtok",
    "output_cost_per_reasoning_token": "reasoning_usd_per_mtok",
}
ABOVE = re.compile(rf"({'|'.join(RATE_FIELDS)})_above_(\d+)(k?)_tokens")
"""A price for long prompts. Other endings, such as ``_priority``, belong to other service tiers."""
INCLUSIVE_PROVIDERS = ("xai",)
"""Providers whose tiers begin at their threshold, not above it (docs.x.ai/developers/pricing; LiteLLM has the same)."""
ALWAYS_SEARCH = re.compile(r"perplexity/sonar(-pro|-reasoning|-reasoning-pro)?|gpt-.*-search-(preview|api).*")
"""Models that search for each request, so that the list's price of a search is a fee of the request. Perplexity's is
that of the smallest context, which it takes where nothing is asked for (docs.perplexity.ai/getting-started/pricing)."""
RESEARCH = {"searches": 50, "citation_tokens": 100_000, "reasoning_tokens": 200_000}
"""What is reserved for a model that bills its citations: it researches for long, and no bound can be asked for."""


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """What a model can take and give. A figure is None where the list does not say."""

    context_tokens: int | None = None
    max_output_tokens: int | None = None
    tools: bool = False
    schema: bool = False
    reasoning: bool = False
    retires: date | None = None  # when its provider takes it away


def source() -> str:
    """The name and version of this list, for people and for the ledger."""
    return f"litellm {version('litellm')}"


def prices() -> dict[str, Price]:
    """The price of every chat model in the list, by its id there.

    Models that lack the price of input or of output are left out.
    """
    prices_by_model = {model: price_of_entry(model, entry) for model, entry in _entries().items()}
    free = {name: Price(Decimal(0), Decimal(0), entry=name) for name in FREE}
    return {model: price for model, price in prices_by_model.items() if price is not None} | free


def entries_of(model: str) -> Sequence[str]:
    """The names under which a model's price may stand, here or among a team's own prices, in their order."""
    return _entries_of(model, routed=True)


def facts(model: str) -> ModelFacts | None:
    """What the list says about a model; None if the model is not in it."""
    entries = _entries()
    entry = next((entries[name] for name in _entries_of(model, routed=False) if name in entries), None)
    if entry is None:
        return None
    return ModelFacts(
        context_tokens=_int_or_none(entry.get("max_input_tokens") or entry.get("max_tokens")),
        max_output_tokens=_int_or_none(entry.get("max_output_tokens") or entry.get("max_tokens")),
        tools=bool(entry.get("supports_function_calling")),
        schema=bool(entry.get("supports_response_schema")),
        reasoning=bool(entry.get("supports_reasoning")),
        retires=_day_or_none(entry.get("deprecation_date")),
    )


class DefaultPrices:
    """The default list as a ``PriceTable``."""

    def price(self, model: str) -> Price | None:
        found = (_prices().get(name) for name in entries_of(model))
        return next((price for price in found if price is not None), None)


@cache
def _prices() -> dict[str, Price]:
    return prices()


@lru_cache(MOST_REMEMBERED)
def _entries_of(model: str, *, routed: bool) -> tuple[str, ...]:
    entries = _entries()

    def fits(name: str, provider: str) -> bool:
        return not provider or (name in entries and is_of(provider, entries[name].get("litellm_provider", "")))

    names = names_of(model, _newest_dated().get, routed=routed)
    return tuple(dict.fromkeys(name.text for name in names if fits(name.text, name.of)))


@cache
def _newest_dated() -> dict[str, str]:
    """The newest listed snapshot of each id, by the id without its day."""
    newest: dict[str, tuple[str, str]] = {}
    for name in _entries():
        if match := FULL_DATE.search(name):
            day = match[1].replace("-", "")
            newest[name[: match.start()]] = max(newest.get(name[: match.start()], ("", "")), (day, name))
    return {stem: name for stem, (_, name) in newest.items()}


@cache
def _entries() -> dict[str, dict[str, Any]]:
    listed = json.loads((package_folder() / MAP_FILE).read_text("utf-8"), parse_float=Decimal)
    return {name: entry for name, entry in listed.items() if is_of_chat(name, entry)}


def is_of_chat(name: str, entry: dict[str, Any]) -> bool:
    """Whether the entry is of a model that answers in words, and no example of an entry."""
    return entry.get("mode") in CHAT_MODES and name != "sample_spec"


@cache
def package_folder() -> Path:
    """The folder of the litellm package, found without importing it. Raises ``RuntimeError`` if there is none."""
    spec = find_spec("litellm")
    if spec is None or not spec.submodule_search_locations:
        raise RuntimeError("The litellm package is not installed.")
    return Path(spec.submodule_search_locations[0])


def price_of_entry(model: str, entry: dict[str, Any]) -> Price | None:
    """The price that an entry of a list in this format gives; None if it lacks that of input or of output.

    Figures are numbers, as ``Decimal`` or ``int``. What is none raises ``TypeError``, ``ValueError``, ``KeyError``,
    ``AttributeError`` or ``ArithmeticError``.
    """
    tiers = list(_tiers_by_range(entry) if "tiered_pricing" in entry else _tiers_by_threshold(entry))
    if any(
        costs.get(needed) is None for _, costs in tiers for needed in ("input_cost_per_token", "output_cost_per_token")
    ):
        return None
    (_, ordinary), *longer = tiers
    rates = _rates(ordinary)
    return Price(
        **rates,
        **_fees(model, entry, rates["reasoning_usd_per_mtok"]),
        tiers=tuple(Rates(**_rates(costs), above_tokens=above) for above, costs in longer),
        entry=model,
    )


def _fees(model: str, entry: dict[str, Any], reasoning_usd_per_mtok: Decimal | None) -> dict[str, Any]:
    by_context = entry.get("search_context_cost_per_query") or {}
    always = ALWAYS_SEARCH.fullmatch(model) is not None
    size = "low" if entry.get("litellm_provider") == "perplexity" else "medium"
    search = by_context.get(f"search_context_size_{size}")
    request = entry.get("input_cost_per_request", search if always else None)
    search_usd = None if always else _usd(search)
    citation_usd_per_mtok = _per_mtok(entry.get("citation_cost_per_token"))
    extra_reserve_usd = None
    if citation_usd_per_mtok is not None:
        extra_reserve_usd = _usd(
            RESEARCH["searches"] * (search_usd or Decimal(0))
            + RESEARCH["citation_tokens"] * citation_usd_per_mtok / MTOK
            + RESEARCH["reasoning_tokens"] * (reasoning_usd_per_mtok or Decimal(0)) / MTOK
        )
    return {
        "request_usd": _usd(request),
        "search_usd": search_usd,
        "citation_usd_per_mtok": citation_usd_per_mtok,
        "extra_reserve_usd": extra_reserve_usd,
    }


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
    """The same from ``tiered_pricing``."""
    for tier in sorted(entry["tiered_pricing"], key=lambda tier: tier["range"][0]):
        fallback = {name: entry.get(name) for name in ("output_cost_per_token", "output_cost_per_reasoning_token")}
        yield int(tier["range"][0]), fallback | tier


def _rates(costs: dict[str, Any]) -> dict[str, Any]:
    rates = {field: _per_mtok(costs.get(name)) for name, field in RATE_FIELDS.items()}
    if rates["reasoning_usd_per_mtok"] == rates["output_usd_per_mtok"]:
        rates["reasoning_usd_per_mtok"] = None
    return rates


def _usd(cost: Decimal | int | None) -> Decimal | None:
    return None if cost is None else Decimal(cost).quantize(Decimal("1e-10"))


def _per_mtok(per_token: Decimal | int | None) -> Decimal | None:
    return None if per_token is None else (Decimal(per_token) * MTOK).quantize(Decimal("1e-10"))


def _int_or_none(value: Any) -> int | None:
    try:
        return int(value)
    except (TypeError, ValueError):
        return None


def _day_or_none(value: Any) -> date | None:
    try:
        return date.fromisoformat(value)
    except (TypeError, ValueError):
        return None
