"""What the pages of scenarios show: an answer by agent, the form that asks, and the table of tiers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

from engine.catalogue.model_ids import provider_of
from runs.models import Bill, Scenario
from runs.months import month_named
from runs.named.queries import seen_by
from runs.scenarios import one_down
from runs.scenarios.answer import MAX_RUNS, Answer, Line, Sums, answer
from runs.scenarios.asked import PRICES, AgentRule, Asked, ModelRule
from runs.scenarios.one_down import Down, all_down, with_all_down
from runs.scenarios.targets import Group
from teams.access import Principal, visible_to

MOST_LINES = 100
"""Agents that the page lists, the dearest first; the file has all."""
FIRST_MODEL = MOST_LINES + 1
"""The number of the first model in the form, behind those of agents."""


@dataclass(frozen=True, slots=True)
class AgentLine:
    """One agent's calls: what they cost and would cost. ``to``: where a rule sends them."""

    number: int
    who: str  # crew and key, as the address has it
    crew_name: str
    crew: str
    agent: str
    models: Sequence[str]
    tos: Sequence[str]
    typed: str
    sums: Sums
    limits: Sequence[str]

    @property
    def title(self) -> str:
        return self.agent or "no agent"


@dataclass(frozen=True, slots=True)
class ModelLine:
    number: int
    model: str
    calls: int
    typed: str


@dataclass(frozen=True, slots=True)
class TierLine:
    """One agent, one tier down. ``share_percent``: its part of what the crew or selection costs now."""

    line: AgentLine
    share_percent: float
    whys: Sequence[str]
    query: str  # asks for this agent alone; "" where there is no tier below


@dataclass(frozen=True, slots=True)
class Tiers:
    lines: Sequence[TierLine]
    total: Sums
    query: str  # asks for all of them
    rule: str = one_down.RULE


@dataclass(frozen=True, slots=True)
class WhatIf:
    """The page of one question, saved or not."""

    asked: Asked
    answer: Answer
    agents: Sequence[AgentLine]
    models: Sequence[ModelLine]
    more_agents: int
    tiers: Tiers | None = None
    bill: Bill | None = None  # of the month, where all of its real calls are meant
    prices = tuple(PRICES.items())
    max_runs = MAX_RUNS

    @property
    def total(self) -> Sums:
        return self.answer.total

    @property
    def unchanged(self) -> str:
        """The query that asks for the same calls, and changes nothing."""
        kept = self.asked
        return Asked(q=kept.q, month=kept.month, crew=kept.crew, simulated=kept.simulated).query

    @property
    def unused(self) -> list[str]:
        """What is changed about calls that there are none of, in words."""
        groups = self.answer.groups
        agents, models = {(group.crew, group.agent) for group in groups}, {group.model for group in groups}
        rules: list[AgentRule | ModelRule] = [
            rule for rule in self.asked.agents if (rule.crew, rule.agent) not in agents
        ]
        rules += [rule for rule in self.asked.models if rule.model not in models]
        return [f"{rule.who} has no calls among these, so sending them to {rule.to} changes nothing." for rule in rules]

    @property
    def offered(self) -> Sequence[str]:
        """Ids of models that the form offers: those of the providers that these calls asked."""
        providers = dict.fromkeys(provider_of(group.model) for group in self.answer.groups)
        return [model for provider in providers if provider for model in one_down.models_of(provider)]

    @property
    def which(self) -> str:
        return which_words(self.asked)

    @property
    def of_other_kind(self) -> str:
        """The query that asks the same of the runs of the other kind."""
        return replace(self.asked, simulated=not self.answer.simulated).query

    @property
    def is_exact(self) -> bool:
        """Whether the same calls at other prices cost just that: no tokens are assumed."""
        return not self.moves and self.asked.hit_percent is None

    @property
    def by_seconds(self) -> bool:
        """Whether calls go to another model that is priced by the second: its seconds are an assumption."""
        targets = (line.target for line in self.answer.lines if line.target.is_other)
        return any(target.price is not None and target.price.second_usd for target in targets)

    @property
    def moves(self) -> bool:
        """Whether calls go to another model, whose tokens are then an assumption."""
        return self.asked.changes and any(line.target.is_other for line in self.answer.lines)


@dataclass(frozen=True, slots=True)
class SavedLine:
    """A scenario in the list."""

    scenario: Scenario
    is_team: bool
    which: str
    may_change: bool

    @property
    def difference_nusd(self) -> int:
        return self.scenario.changed_nusd - self.scenario.real_nusd


def what_if(who: Principal, asked: Asked) -> WhatIf:
    """Raises what ``answer`` raises. Where nothing is changed yet, the table of tiers comes with it, by the same
    queries: what the calls cost is in its sums too."""
    if asked.changes:
        return page_of(who, answer(who, asked))
    downs: list[Down] = []

    def one_tier_down(groups: Sequence[Group], simulated: bool) -> Asked:
        downs.extend(all_down(who.team, groups, simulated=simulated))
        return with_all_down(asked, downs)

    found = answer(who, asked, rules=one_tier_down)
    page = page_of(who, replace(found, asked=asked))
    return replace(page, tiers=_tiers(asked, found, downs)) if found.lines else page


def page_of(who: Principal, found: Answer) -> WhatIf:
    agents = _agent_lines(found)
    more = max(0, len(agents) - MOST_LINES)
    return WhatIf(found.asked, found, agents[:MOST_LINES], _model_lines(found), more, bill=_bill(who, found))


def _bill(who: Principal, found: Answer) -> Bill | None:
    if found.simulated or found.asked.month is None or found.asked.crew:
        return None
    return visible_to(who, Bill).filter(month=found.asked.month).first()


def saved_lines(who: Principal) -> list[SavedLine]:
    """The team's scenarios and the person's own. One query."""
    return [_saved_line(who, scenario) for scenario in seen_by(who, Scenario).select_related("changed_by")]


def which_words(asked: Asked) -> str:
    """Which calls are meant, in words."""
    if asked.q:
        return f"runs of the filter {asked.q}"
    month = f"{asked.month:%B %Y}" if asked.month else ""
    if asked.crew:
        return f"{asked.crew}, {month}" if month else f"all runs of {asked.crew}"
    return month


def months_to_choose(today: date, *, count: int = 12) -> list[date]:
    """The first days of the last months, the present one first."""
    numbers = (today.year * 12 + today.month - 1 - before for before in range(count))
    return [date(number // 12, number % 12 + 1, 1) for number in numbers]


def _saved_line(who: Principal, scenario: Scenario) -> SavedLine:
    kept = scenario.asked
    month = month_named(kept.get("month", ""))
    which = which_words(Asked(q=kept.get("q", ""), month=month, crew=kept.get("crew", "")))
    is_team = scenario.owner_id is None
    return SavedLine(scenario, is_team, which, may_change=who.can_edit or not is_team)


def _agent_lines(found: Answer) -> list[AgentLine]:
    """By agent, the dearest first."""
    by_agent: defaultdict[tuple[int, str], list[Line]] = defaultdict(list)
    for line in found.lines:
        by_agent[line.target.group.crew_id, line.target.group.agent].append(line)
    ordered = sorted(by_agent.items(), key=lambda item: -sum(line.sums.cost_nusd for line in item[1]))
    rules = {(rule.crew, rule.agent): rule.to for rule in found.asked.agents}
    return [_agent_line(number, found, lines, rules) for number, (_, lines) in enumerate(ordered, 1)]


def _agent_line(number: int, found: Answer, lines: Sequence[Line], rules: dict[tuple[str, str], str]) -> AgentLine:
    group = lines[0].target.group
    return AgentLine(
        number=number,
        who=AgentRule(group.crew, group.agent, "").who,
        crew_name=found.crews[group.crew_id].name,
        crew=group.crew,
        agent=group.agent,
        models=list(dict.fromkeys(line.target.group.model for line in lines)),
        tos=list(dict.fromkeys(line.target.to for line in lines if line.target.is_other)),
        typed=rules.get((group.crew, group.agent), ""),
        sums=sum((line.sums for line in lines), Sums()),
        limits=list(dict.fromkeys(words for line in lines for words in line.limits)),
    )


def _model_lines(found: Answer) -> list[ModelLine]:
    calls: defaultdict[str, int] = defaultdict(int)
    for line in found.lines:
        calls[line.target.group.model] += line.sums.calls
    typed = {rule.model: rule.to for rule in found.asked.models}
    ordered = sorted(calls.items(), key=lambda item: (-item[1], item[0]))[:MOST_LINES]
    return [
        ModelLine(FIRST_MODEL + number, model, count, typed.get(model, ""))
        for number, (model, count) in enumerate(ordered)
    ]


def _tiers(asked: Asked, found: Answer, downs: Sequence[Down]) -> Tiers:
    """``found`` is what all of the agents would cost one tier down."""
    alone = {rule.who: replace(asked, agents=(rule,)).query for rule in found.asked.agents}
    whys: defaultdict[str, list[str]] = defaultdict(list)
    for down in downs:
        if down.why:
            whys[AgentRule(down.group.crew, down.group.agent, "").who].append(down.why)
    total = found.total
    lines = [
        TierLine(
            line,
            100 * line.sums.cost_nusd / total.cost_nusd if total.cost_nusd else 0.0,
            [] if line.who in alone else list(dict.fromkeys(whys[line.who])),
            alone.get(line.who, ""),
        )
        for line in _agent_lines(found)[:MOST_LINES]
    ]
    return Tiers(lines, total, found.asked.query if alone else "")
