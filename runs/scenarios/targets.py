"""Which price each group of calls would have: by the model that it goes to, and the price list that counts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from engine.catalogue import price_list
from engine.catalogue.price_list import ModelFacts
from engine.catalogue.pricing import NANO_USD, NUSD_PER_MTOK_USD, Price, Rates
from runs.ledger.prices import FEE_FIELDS, PRICE_FIELDS, TeamPrices
from runs.ledger.rollups.tables import OWN_PRICES, PROMPT_LIMITS
from runs.months import midnight
from runs.scenarios.asked import Asked
from teams.models import Team
from teams.refusals import Invalid

NO_LIMIT = 1 << 60


@dataclass(frozen=True, slots=True)
class Group:
    """Calls of one agent to one model. ``crew`` is a slug; ``prompt_above``: the longest prompt is longer."""

    crew_id: int
    crew: str
    agent: str
    model: str
    calls: int
    prompt_tokens: int
    completion_tokens: int
    prompt_above: int
    asks_tools: bool
    asks_schema: bool
    stated_calls: int = 0  # booked at what their provider said


@dataclass(frozen=True, slots=True)
class Target:
    """What a group is re-priced at. ``to`` is its own model where only prices are changed; ``price`` None: none is
    known. ``keeps``: its own prices are kept, and there is no price here."""

    group: Group
    to: str
    price: Price | None = None
    keeps: bool = False

    @property
    def is_other(self) -> bool:
        return self.to != self.group.model

    @property
    def facts(self) -> ModelFacts | None:
        """What the list says of another model; None also for a group's own."""
        return price_list.facts(self.to) if self.is_other else None


def targets_of(team: Team, asked: Asked, groups: Sequence[Group]) -> list[Target]:
    """One for each group. Raises ``Invalid`` if a model that calls shall go to has no price."""
    tos = {id(group): _model_of(asked, group) for group in groups}
    models = {to or group.model for group in groups if (to := tos[id(group)]) or asked.prices != "own"}
    at = None if asked.at is None else midnight(asked.at + timedelta(days=1))
    table = TeamPrices(team, models, own=asked.prices != "list", at=at)
    targets = [_target(asked, table, group, tos[id(group)]) for group in groups]
    unknown = sorted({target.to for target in targets if tos[id(target.group)] and target.price is None})
    if unknown:
        when = f" on {asked.at}" if asked.at else ""
        raise Invalid(
            f"No price is known{when} for {', '.join(unknown)}, so nothing was reckoned.",
            fields={"to": "Set a price for it under Prices first, or choose another model."},
        )
    return targets


def fit_sums(asked: Asked, targets: Iterable[Target]) -> bool:
    """Whether sums of usage tell apart all that the prices ask for: lengths of prompts, calls of unknown time, and
    calls that stay at what their provider stated."""
    return all(_fits_sums(target, changes=not target.keeps or asked.hit_percent is not None) for target in targets)


def _fits_sums(target: Target, *, changes: bool) -> bool:
    """``changes``: the cost may be another one."""
    if changes and target.group.stated_calls and not target.is_other:
        return False
    price = target.price
    if price is None:
        return True
    return not price.second_usd and all(tier.above_tokens in PROMPT_LIMITS for tier in price.tiers)


def is_whole(price: Price) -> bool:
    """Whether a token costs whole nano-dollars, so that sums of tokens cost exactly what the calls would. Prices by the
    second are no matter of sums."""
    rates = [getattr(one, name) for one in (price, *price.tiers) for name in PRICE_FIELDS]
    fees = (price.request_usd, price.search_usd)
    per_mtok = [*rates, price.citation_usd_per_mtok]
    return not any((usd or 0) * NUSD_PER_MTOK_USD % 1 for usd in per_mtok) and not any(
        (usd or 0) / NANO_USD % 1 for usd in fees
    )


def parameters(targets: Sequence[Target], *, summed: bool) -> dict[str, list[Any]]:
    """The columns of ``statements.REPRICE``'s targets and rates."""
    places: dict[Price, int] = {}
    columns: dict[str, list[Any]] = {
        f"target_{name}": []
        for name in ("crew_id", "agent", "model", "place", "other_model", "least_window", "most_window")
    }
    for target in targets:
        least, most = _window(target, summed=summed)
        place = -1 if target.price is None else places.setdefault(target.price, len(places))
        values = {
            "crew_id": target.group.crew_id,
            "agent": target.group.agent,
            "model": target.group.model,
            "place": None if target.keeps else place,
            "other_model": target.is_other,
            "least_window": least,
            "most_window": most,
        }
        for name, value in values.items():
            columns[f"target_{name}"].append(value)
    return columns | _rates(places)


def _rates(places: Mapping[Price, int]) -> dict[str, list[Any]]:
    columns: dict[str, list[Any]] = {f"rate_{name}": [] for name in ("place", "above", "up_to", *OWN_PRICES)}
    for price, place in places.items():
        tiers = sorted(price.tiers, key=lambda tier: tier.above_tokens)
        rates: list[Rates] = [price, *tiers]
        begins = [-1, *(tier.above_tokens for tier in tiers)]
        for rate, above, up_to in zip(rates, begins, [*begins[1:], NO_LIMIT], strict=True):
            own = {name: getattr(price if name in FEE_FIELDS else rate, name) for name in OWN_PRICES}
            for name, value in {"place": place, "above": above, "up_to": up_to, **own}.items():
                columns[f"rate_{name}"].append(value)
    return columns


def _model_of(asked: Asked, group: Group) -> str:
    """The model that the group's calls go to by a rule; "" if there is none."""
    for rule in asked.agents:
        if (rule.crew, rule.agent) == (group.crew, group.agent):
            return rule.to
    return next((rule.to for rule in asked.models if rule.model == group.model), "")


def _target(asked: Asked, table: TeamPrices, group: Group, to: str) -> Target:
    if asked.prices == "own" and to in ("", group.model):
        return Target(group, group.model, keeps=True)
    return Target(group, to or group.model, table.price(to or group.model))


def _window(target: Target, *, summed: bool) -> tuple[int | None, int | None]:
    """The longest prompt that another model takes, in tokens; of sums the limits around it."""
    window = target.facts.context_tokens if target.facts else None
    if not window or not summed:
        return window or None, window or None
    below = max((limit for limit in PROMPT_LIMITS if limit <= window), default=0)
    return below, min((limit for limit in PROMPT_LIMITS if limit >= window), default=None)
