"""The built-in templates: they run as they are, at one click, and the optimised ones really are cheaper."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from decimal import Decimal

import pytest

from agents_app.gallery.builtin import BuiltinTemplate, templates
from engine.catalogue.price_list import DefaultPrices
from engine.crew.crew import run_crew
from engine.crew.runtime import Runtime
from engine.providers.simulator import Simulator
from engine.record.journal import TaskStatus
from engine.record.memory_journal import MemoryJournal
from engine.spec.placeholders import missing_inputs, placeholders
from engine.spec.validate import validate
from engine.tools.registry import ToolRegistry
from teams.actions import FIRST_CAPS

ALL = templates()


def cost_usd(template: BuiltinTemplate) -> Decimal:
    journal = MemoryJournal()
    runtime = Runtime(llm=Simulator(), journal=journal, prices=DefaultPrices(), tools=ToolRegistry.simulated())
    output = asyncio.run(run_crew(template.spec, {}, runtime))
    assert output.status is TaskStatus.SUCCEEDED, output.error
    return sum((call.outcome.cost_usd or Decimal(0) for call in journal.calls), Decimal(0))


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


@pytest.mark.parametrize("title", sorted({template.title for template in ALL}))
def test_the_optimised_one_costs_less_when_both_are_run_simulated(title: str) -> None:
    naive, optimised = (template for template in ALL if template.title == title)
    assert 0 < cost_usd(optimised) < cost_usd(naive)


def test_no_built_in_template_can_meet_the_requests_that_a_new_team_gives_a_run() -> None:
    for template in templates():
        rounds = {agent.key: agent.max_iter for agent in template.spec.agents}
        most = sum(rounds[one.agent] * (1 + one.guardrail_max_retries) for one in template.spec.tasks)
        assert most <= FIRST_CAPS["run_max_calls"], template.spec.name
