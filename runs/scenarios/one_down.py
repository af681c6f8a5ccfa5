"""Which model stands one tier below another: by prices and abilities alone, within the same provider.

The rule, as the page says it: of the provider's models that the team can ask, that cost at most two thirds as much for
these very tokens, and that can do what these calls needed, the dearest one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import lru_cache
from re import compile as pattern

from engine.catalogue import price_list
from engine.catalogue.model_ids import PROVIDERS, bare_id, provider_of
from engine.catalogue.price_list import ModelFacts
from engine.catalogue.pricing import Price
from engine.spec.crew_spec import LLMSpec
from runs.ledger.prices import TeamPrices
from runs.scenarios.asked import AgentRule, Asked
from runs.scenarios.targets import Group
from teams.credentials import TeamCredentials
from teams.models import Team

RULE = (
    "Of the models of the same provider that the team has a key for, that cost at most two thirds as much for these "
    "very tokens and can do what these calls needed (functions, schemas, the longest prompt, reasoning or not), the "
    "dearest one. Left out are snapshots with a date, previews, models that go within 90 days, those for one purpose, "
    "and those with a fee for each request. An agent that asked several models goes by the one that it asked most."
)
AT_MOST, AT_MOST_OF = 2, 3
"""So many parts of what it costs now."""
PER_TOKEN = 10**10
"""USD per million tokens in 1e-16 USD a token: prices have ten decimals."""
STAYS_DAYS = 90
NAMED_BY_TEAMS = frozenset({"azure", "ollama", "hosted_vllm", "lm_studio", "llamafile", "litellm_proxy", "bedrock"})
"""Providers whose ids are of a team's own making, or of several makers: no list knows which stands below which."""
_SPECIAL = pattern(
    r"(^|[-/.:])(ft|preview|exp|experimental|latest|audio|realtime|search|research|discovery|codex|coder|cyber|live|image)\b"
)
_SNAPSHOT = pattern(r"[-@](20\d\d-?\d\d-?\d\d|\d{4}|\d\d-20\d\d|\d{3})(-|$)")
"""Ids that a tier is not made of: they name a snapshot, or a model for another purpose."""


@dataclass(frozen=True, slots=True)
class Down:
    """The model one tier down; "" if there is none, and then ``why`` says so."""

    group: Group
    model: str = ""
    why: str = ""


@dataclass(frozen=True, slots=True)
class _Listed:
    """``input`` and ``output``: what a token costs, in whole 1e-16 USD, so that costs are whole numbers' arithmetic."""

    model: str
    input: int
    output: int
    facts: ModelFacts

    def cost(self, group: Group) -> int:
        """What the group's tokens cost, without regard to caches and long prompts."""
        return group.prompt_tokens * self.input + group.completion_tokens * self.output


def all_down(team: Team, groups: Sequence[Group], *, simulated: bool) -> list[Down]:
    """One for each group. Two queries; one for simulated calls, which need no key."""
    credentials = None if simulated else TeamCredentials(team)
    downs = [_down(group, credentials) for group in groups]
    prices = TeamPrices(team, {down.model for down in downs if down.model})
    return [down if not down.model or prices.price(down.model) else _unlisted(down) for down in downs]


def _unlisted(down: Down) -> Down:
    """The list that is in force may be older than the one in the package."""
    return Down(down.group, why=f"{down.model} has no price in force.")


def with_all_down(asked: Asked, downs: Sequence[Down]) -> Asked:
    """The same calls with every agent one tier down. Of an agent with several models the one that is asked most says
    where its calls go."""
    most = sorted((down for down in downs if down.model), key=lambda down: down.group.calls)
    rules = {(down.group.crew, down.group.agent): down.model for down in most}
    agents = tuple(AgentRule(crew, agent, to) for (crew, agent), to in rules.items())
    return replace(asked, agents=agents, models=())


def models_of(provider: str) -> list[str]:
    """The provider's models that a tier can be made of, by their ids."""
    return sorted(listed.model for listed in _listed_of(provider, datetime.now(UTC).date().toordinal()))


def _down(group: Group, credentials: TeamCredentials | None) -> Down:
    provider = provider_of(group.model)
    if provider is None or provider not in PROVIDERS or provider in NAMED_BY_TEAMS:
        return Down(group, why="The price list has no other models of its provider.")
    price = price_list.DefaultPrices().price(group.model)
    if price is None:
        return Down(group, why="The price list does not have it.")
    now = _listed(group.model, price, price_list.facts(group.model) or ModelFacts())
    cost = now.cost(group)
    below = [
        listed
        for listed in _listed_of(provider, datetime.now(UTC).date().toordinal())
        if _maker(listed.model) == _maker(group.model)
        and AT_MOST_OF * listed.cost(group) <= AT_MOST * cost
        and _can(listed.facts, group, now.facts)
    ]
    reachable = (
        listed
        for listed in sorted(below, key=lambda listed: (-listed.cost(group), len(listed.model), listed.model))
        if credentials is None or _has_key(credentials, listed.model)
    )
    found = next(reachable, None)
    if found is not None:
        return Down(group, found.model)
    no_key = f"The team has no key of {PROVIDERS[provider]} that could ask a lower one."
    return Down(group, why=no_key if below else "It is the lowest tier.")


def _listed(model: str, price: Price, facts: ModelFacts) -> _Listed:
    input_usd, output_usd = (int(usd * PER_TOKEN) for usd in (price.input_usd_per_mtok, price.output_usd_per_mtok))
    return _Listed(model, input_usd, output_usd, facts)


def _can(facts: ModelFacts, group: Group, now: ModelFacts) -> bool:
    return (
        (facts.tools or not group.asks_tools)
        and (facts.schema or not group.asks_schema)
        and facts.reasoning == now.reasoning
        and (facts.context_tokens is None or facts.context_tokens > group.prompt_above)
    )


def _has_key(credentials: TeamCredentials, model: str) -> bool:
    llm = LLMSpec(model=model)
    return credentials.key_for(llm) is not None and not credentials.doubt(llm)


@lru_cache(maxsize=64)
def _listed_of(provider: str, today: int) -> tuple[_Listed, ...]:
    """The provider's models that a tier can be made of, as of a day by its number."""
    found: dict[str, _Listed] = {}
    for model, price in price_list.prices().items():
        if provider_of(model) != provider or _SPECIAL.search(model) or _SNAPSHOT.search(model):
            continue
        facts = price_list.facts(model)
        if facts is None or (facts.retires is not None and facts.retires.toordinal() <= today + STAYS_DAYS):
            continue
        if not (price.request_usd or price.citation_usd_per_mtok) and price.output_usd_per_mtok:
            found.setdefault(bare_id(model), _listed(bare_id(model), price, facts))
    return tuple(found.values())


def _maker(model: str) -> str:
    """What stands before a model's own name: hosts of several makers' models say there whose it is."""
    return bare_id(model).rpartition("/")[0]
