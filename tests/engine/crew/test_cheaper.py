"""At a budget that does not cover a request: the fallbacks and the cheaper model that may be asked instead."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from engine.errors import LimitReached
from engine.record.journal import CallIntent, TaskStatus
from engine.record.limits import RunLimits
from engine.record.memory_journal import MemoryJournal
from engine.spec.crew_spec import LLMSpec
from tests.engine.crews import agent, crew, run, runtime, task

DEAR = LLMSpec(model="gpt-4o", max_tokens=1000)  # 0.01 USD and the prompt, at worst


def models_asked(journal: MemoryJournal) -> list[str]:
    return [call.intent.model for call in journal.calls]


async def outcome(
    *, usd: str, cheaper: bool = True, llm: LLMSpec = DEAR, model: str = ""
) -> tuple[TaskStatus, list[str]]:
    journal = MemoryJournal()
    given = runtime(journal=journal, limits=RunLimits(max_usd=Decimal(usd)))
    given = replace(given, cheaper=cheaper, cheaper_model=model)
    ended = await run(crew(task("only"), agents=(agent(llm=llm),)), given)
    return ended.status, models_asked(journal)


async def test_a_budget_that_covers_it_asks_the_model_itself() -> None:
    assert await outcome(usd="1", model="gpt-4o-mini") == (TaskStatus.SUCCEEDED, ["gpt-4o"])


async def test_the_cheaper_model_is_asked_where_the_dear_one_is_not_covered() -> None:
    assert await outcome(usd="0.005", model="gpt-4o-mini") == (TaskStatus.SUCCEEDED, ["gpt-4o-mini"])


async def test_a_cheaper_fallback_comes_before_the_teams_model() -> None:
    llm = DEAR.model_copy(update={"fallbacks": ("gpt-4.1-nano",)})
    assert await outcome(usd="0.005", llm=llm, model="gpt-4o-mini") == (TaskStatus.SUCCEEDED, ["gpt-4.1-nano"])


async def test_what_is_not_cheaper_is_not_asked() -> None:
    llm = DEAR.model_copy(update={"fallbacks": ("o1",)})
    with pytest.raises(LimitReached):
        await outcome(usd="0.005", llm=llm)


async def test_nothing_that_is_covered_is_the_limit_of_the_model_that_was_meant() -> None:
    with pytest.raises(LimitReached) as refused:
        await outcome(usd="0.0001", model="gpt-4o-mini")
    assert refused.value.needs_usd is not None
    assert refused.value.needs_usd > Decimal("0.01")


async def test_without_leave_nothing_cheaper_is_asked() -> None:
    with pytest.raises(LimitReached):
        await outcome(usd="0.005", cheaper=False, model="gpt-4o-mini")


async def test_a_limit_that_is_not_money_is_no_reason_for_a_cheaper_model() -> None:
    journal = MemoryJournal()
    given = replace(runtime(journal=journal, limits=RunLimits(max_calls=1)), cheaper=True, cheaper_model="gpt-4o-mini")
    with pytest.raises(LimitReached) as refused:
        await run(crew(task("first"), task("second"), agents=(agent(llm=DEAR),)), given)
    assert refused.value.limit == "max_calls"
    assert models_asked(journal) == ["gpt-4o"]


class Refusing(MemoryJournal):
    """Its budget covers no request of the dear model, as a ledger's would say."""

    async def open_call(self, intent: CallIntent) -> CallIntent:
        if intent.model == DEAR.model:
            raise LimitReached("no", limit="team_budget", figure=0, needs_usd=intent.reserved_usd)
        return await super().open_call(intent)


async def test_a_request_that_a_budget_refused_is_none_of_the_runs_calls() -> None:
    journal = Refusing()
    given = replace(runtime(journal=journal, limits=RunLimits(max_calls=2)), cheaper=True, cheaper_model="gpt-4o-mini")
    ended = await run(crew(task("first"), task("second"), agents=(agent(llm=DEAR),)), given)
    assert (ended.status, models_asked(journal)) == (TaskStatus.SUCCEEDED, ["gpt-4o-mini"] * 2)
    assert given.limits.reserved_usd == 0
