"""The built-in templates: they run as they are, at one click, and the optimised ones really are cheaper and faster."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from dataclasses import dataclass
from decimal import Decimal
from functools import cache

import pytest

from agents_app.gallery.builtin import BuiltinTemplate, templates
from engine.catalogue.price_list import DefaultPrices
from engine.catalogue.pricing import cost_usd as price_of
from engine.crew.crew import run_crew
from engine.crew.runtime import Runtime
from engine.providers.simulator import Simulator
from engine.record.journal import CallIntent, CallOutcome, TaskStatus
from engine.record.memory_journal import MemoryJournal
from engine.simulated.speed import speed_of
from engine.spec.crew_spec import CrewSpec
from engine.spec.placeholders import missing_inputs, placeholders
from engine.spec.plan import make_plan
from engine.spec.validate import validate
from engine.tools.registry import ToolRegistry
from teams.actions import FIRST_CAPS

ALL = templates()
TITLES = sorted({template.title for template in ALL})
ONE_PRICE = DefaultPrices().price("gpt-4o")


@dataclass(frozen=True)
class Figures:
    """Of one simulated run. ``usd_at_one_price``: what it would cost if each call went to gpt-4o.

    ``seconds``: along the critical path, as the simulated models take them where they do not answer at once.
    """

    tokens: int
    seconds: float
    usd: Decimal
    usd_at_one_price: Decimal


@cache
def figures(key: str) -> Figures:
    template = next(template for template in ALL if template.key == key)
    journal = MemoryJournal()
    runtime = Runtime(llm=Simulator(), journal=journal, prices=DefaultPrices(), tools=ToolRegistry.simulated())
    output = asyncio.run(run_crew(template.spec, {}, runtime))
    assert output.status is TaskStatus.SUCCEEDED, output.error
    asked = [call for call in journal.calls if call.intent.is_request]
    seconds: defaultdict[str, float] = defaultdict(float)
    for call in asked:
        seconds[call.intent.task] += seconds_of(call.intent, call.outcome)
    chain = make_plan(template.spec).critical_path(seconds)
    return Figures(
        tokens=sum(call.outcome.usage.total_tokens for call in asked),
        seconds=sum(seconds[key] for key in chain),
        usd=sum((call.outcome.cost_usd or Decimal(0) for call in asked), Decimal(0)),
        usd_at_one_price=sum((price_of(call.outcome.usage, ONE_PRICE) or Decimal(0) for call in asked), Decimal(0)),
    )


def seconds_of(intent: CallIntent, outcome: CallOutcome) -> float:
    return speed_of(intent.model).seconds(outcome.usage.completion_tokens)


def figures_of(title: str) -> tuple[Figures, Figures]:
    naive, optimised = pair(title)
    return figures(naive.key), figures(optimised.key)


def pair(title: str) -> tuple[BuiltinTemplate, BuiltinTemplate]:
    naive, optimised = (template for template in ALL if template.title == title)
    return naive, optimised


def test_there_are_six_crews_each_naive_and_optimised() -> None:
    variants = defaultdict(list)
    for template in ALL:
        variants[template.title].append(template.variant)
    assert len(variants) == 6
    assert set(map(tuple, variants.values())) == {("naive", "optimised")}


@pytest.mark.parametrize("template", ALL, ids=lambda template: template.key)
def test_a_template_has_no_complaint_and_a_sample_for_each_input(template: BuiltinTemplate) -> None:
    assert [complaint for complaint in validate(template.spec) if complaint.level == "error"] == []
    assert missing_inputs(template.spec, {}) == ()
    assert set(template.spec.inputs) == set(placeholders(template.spec))


@pytest.mark.parametrize("title", TITLES)
def test_the_optimised_one_costs_a_third_and_takes_half(title: str) -> None:
    naive, optimised = figures_of(title)
    assert naive.usd >= 3 * optimised.usd > 0
    assert naive.seconds >= 2 * optimised.seconds > 0


@pytest.mark.parametrize("title", TITLES)
def test_cheaper_models_alone_do_not_explain_it(title: str) -> None:
    naive, optimised = figures_of(title)
    assert naive.tokens >= 2 * optimised.tokens
    assert naive.usd_at_one_price >= 2 * optimised.usd_at_one_price


def test_the_company_brief_tells_the_story_of_the_three_agent_research_crew() -> None:
    naive, optimised = figures_of("Company brief")
    assert (naive.tokens, optimised.tokens) == (pytest.approx(12_000, rel=0.1), pytest.approx(4_000, rel=0.1))
    assert (naive.seconds, optimised.seconds) == (pytest.approx(45, rel=0.1), pytest.approx(18, rel=0.15))
    assert (float(naive.usd), float(optimised.usd)) == (pytest.approx(0.055, rel=0.1), pytest.approx(0.0125, rel=0.1))


@pytest.mark.parametrize("title", TITLES)
def test_both_of_a_pair_are_asked_for_the_same_with_the_same_tools(title: str) -> None:
    naive, optimised = (template.spec for template in pair(title))
    assert naive.inputs == optimised.inputs
    assert tools_of(naive) == tools_of(optimised)
    assert {agent.llm.model for agent in naive.agents} == {"gpt-4o"}
    assert {agent.llm.model for agent in optimised.agents} <= {"gpt-4o", "gpt-4o-mini"}
    assert all(task.context is None and not task.async_execution for task in naive.tasks)


def tools_of(spec: CrewSpec) -> list[str]:
    return sorted(tool.name for agent in spec.agents for tool in agent.tools)


def test_no_built_in_template_can_meet_the_requests_that_a_new_team_gives_a_run() -> None:
    for template in templates():
        rounds = {agent.key: agent.max_iter for agent in template.spec.agents}
        most = sum(rounds[one.agent] * (1 + one.guardrail_max_retries) for one in template.spec.tasks)
        assert most <= FIRST_CAPS["run_max_calls"], template.spec.name
