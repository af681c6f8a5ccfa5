"""What the API takes and answers about scenarios. Money is decimal text in USD."""

from __future__ import annotations

from typing import Any, Literal

from ninja import Schema
from pydantic import Field, StrictBool, StrictInt

from runs.api_fields import TimeText, UsdText
from runs.models import Scenario
from runs.scenarios.answer import Answer, Line, Sums
from runs.scenarios.own_texts import Measured
from runs.scenarios.queries import Reopened
from teams.api.request_body import Strict


class AgentRuleIn(Strict):
    """All calls of one agent go to another model."""

    crew: str = Field(max_length=200, description="the crew's slug")
    agent: str = Field(max_length=64, description="the agent's key; empty for calls of no agent")
    to: str = Field(max_length=200, description="the other model's id")


class ModelRuleIn(Strict):
    """All calls of one model go to another one, but for those of agents with a rule of their own."""

    model: str = Field(max_length=200)
    to: str = Field(max_length=200)


class AskedIn(Strict):
    """Which calls, by a filter or a month, a crew or both; and what is changed."""

    q: str = Field("", max_length=500, description="the typed filter of runs; the newest 10,000 that fit")
    month: str = Field("", max_length=7, description="as 2026-11, as bills count it")
    crew: str = Field("", max_length=200, description="a crew's slug")
    simulated: StrictBool | None = Field(None, description="null: the real calls where there are any")
    agents: list[AgentRuleIn] = Field([], max_length=200)
    models: list[ModelRuleIn] = Field([], max_length=200)
    prices: Literal["own", "team", "list"] = Field(
        "own", description="as they were booked; the team's prices; or the price list without the team's own"
    )
    at: str = Field("", max_length=10, description="a day, as 2026-11-29: prices as they stood at its end")
    cache_hit_percent: StrictInt | None = Field(
        None, ge=0, le=100, description="of the tokens of each prompt of 1,024 or more, how many the cache holds"
    )


class ScenarioIn(Strict):
    """``replace`` takes over a scenario of the same name."""

    name: str = Field(max_length=60)
    team: StrictBool = Field(False, description="the team's, by editors; else one's own")
    replace: StrictBool = False
    asked: AskedIn


class NameIn(Strict):
    name: str = Field(max_length=60)


class AskedOut(Schema):
    q: str
    month: str
    crew: str
    simulated: bool | None
    agents: list[dict[str, str]]
    models: list[dict[str, str]]
    prices: str
    at: str
    cache_hit_percent: int | None


class FiguresOut(Schema):
    """Of calls. The sums that are compared are of those alone whose cost is known on both sides."""

    calls: int
    unpriced_calls: int = Field(description="whose cost nobody knows; they are in no sum")
    cost_usd: UsdText = Field(description="all that they cost")
    compared_calls: int
    compared_usd: UsdText
    then_usd: UsdText = Field(description="what the compared ones would have cost")
    difference_usd: UsdText
    untimed_calls: int = Field(
        description="compared on neither side: their price would be by the second, and how long they took is not known"
    )
    stated_calls: int = Field(description="were booked at what their provider stated, and are priced by the list here")
    kept_stated_calls: int = Field(description="stay at what their provider stated, since their model stays")

    @staticmethod
    def of(sums: Sums) -> dict[str, Any]:
        return {
            "calls": sums.calls,
            "unpriced_calls": sums.unpriced_calls,
            "cost_usd": sums.cost_nusd,
            "compared_calls": sums.compared_calls,
            "compared_usd": sums.compared_nusd,
            "then_usd": sums.new_nusd,
            "difference_usd": sums.difference_nusd,
            "untimed_calls": sums.untimed_calls,
            "stated_calls": sums.stated_calls,
            "kept_stated_calls": sums.kept_stated_calls,
        }


class LineOut(FiguresOut):
    """One agent's calls to one model."""

    crew: str
    agent: str
    model: str
    model_then: str
    limits: list[str] = Field(description="what the other model cannot do, in words")

    @staticmethod
    def of_line(line: Line) -> dict[str, Any]:
        group = line.target.group
        who = {"crew": group.crew, "agent": group.agent, "model": group.model, "model_then": line.target.to}
        return FiguresOut.of(line.sums) | who | {"limits": line.limits}


class AnswerOut(Schema):
    """Nothing of it was spent. Tokens are taken to be the same, though another model's tokenizer counts otherwise, and
    so are seconds, where the price is by the second."""

    asked: AskedOut
    simulated: bool
    runs: int | None = Field(description="of a filter; null for months and crews")
    more_runs: bool = Field(description="the filter finds more than the newest 10,000, which are re-priced")
    total: FiguresOut
    tolerance_usd: UsdText = Field(description="by how much then_usd may differ for want of rounding call by call")
    lines: list[LineOut]

    @staticmethod
    def of(found: Answer) -> dict[str, Any]:
        return {
            "asked": found.asked.as_json(),
            "simulated": found.simulated,
            "runs": found.runs,
            "more_runs": found.more_runs,
            "total": FiguresOut.of(found.total),
            "tolerance_usd": found.tolerance_nusd,
            "lines": [LineOut.of_line(line) for line in found.lines],
        }


class TokenizerOut(Schema):
    """How differently two models count the runs' own prompts."""

    model: str
    model_then: str
    prompts: int = Field(description="on so many it was measured; 0: on none")
    percent: float | None = Field(description="by how much more tokens `model_then` counts over all; null: not known")
    least_percent: float | None = Field(description="the same over single prompts")
    most_percent: float | None
    same: bool = Field(description="both have the same tokenizer, so that nothing is measured")
    unknown: list[str] = Field(description="those of the two whose tokenizer is not known here")

    @staticmethod
    def of(found: Measured) -> TokenizerOut:
        known = (found.percent, found.least, found.most) if found.prompts else (None, None, None)
        percent, least, most = (0.0, 0.0, 0.0) if found.is_same else known
        return TokenizerOut(
            model=found.model,
            model_then=found.to,
            prompts=found.prompts,
            percent=percent,
            least_percent=least,
            most_percent=most,
            same=found.is_same,
            unknown=list(found.unknown),
        )


class TokenizerList(Schema):
    items: list[TokenizerOut] = Field(description="one for each model that another one takes the place of")
    next: str | None = None


class ThenOut(Schema):
    """The figures of when it was saved."""

    answered_at: TimeText
    calls: int
    compared_calls: int
    compared_usd: UsdText
    then_usd: UsdText
    difference_usd: UsdText


class SavedOut(Schema):
    id: int
    name: str
    team: bool = Field(description="the team's; else one's own")
    asked: AskedOut
    saved: ThenOut

    @staticmethod
    def of(scenario: Scenario) -> dict[str, Any]:
        return {
            "id": scenario.pk,
            "name": scenario.name,
            "team": scenario.owner_id is None,
            "asked": scenario.asked,
            "saved": {
                "answered_at": scenario.answered_at,
                "calls": scenario.calls,
                "compared_calls": scenario.compared_calls,
                "compared_usd": scenario.real_nusd,
                "then_usd": scenario.changed_nusd,
                "difference_usd": scenario.changed_nusd - scenario.real_nusd,
            },
        }


class SavedList(Schema):
    items: list[SavedOut]
    next: str | None = None


class ReopenedOut(SavedOut):
    """With the figures of now: null, with a word, where they cannot be reckoned."""

    now: AnswerOut | None
    why_not: str | None

    @staticmethod
    def of_reopened(found: Reopened) -> dict[str, Any]:
        now = None if found.now is None else AnswerOut.of(found.now)
        return SavedOut.of(found.scenario) | {"now": now, "why_not": found.why_not or None}
