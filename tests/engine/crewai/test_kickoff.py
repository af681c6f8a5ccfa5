"""The CrewAI-shaped API: its nouns, its keys, who is asked about answers, and code written for CrewAI."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any

import pytest
from pydantic import BaseModel

from engine import LLM, Agent, Crew, KickoffFailed, Process, Task
from engine.errors import InvalidCrew
from engine.providers.llm import LLMRequest
from engine.providers.simulator import Simulator
from engine.record.journal import Verdict
from tests.engine.scripts import by_role, in_turn, use
from tests.openai_server import Fault, OpenAIServer


class Figures(BaseModel):
    n: int


def one(simulator: Simulator, **options: Any) -> Crew:
    agent = Agent(role="The worker", goal="Work", backstory="Old")
    return Crew(agents=[agent], tasks=[Task(description="Do {it}", agent=agent, **options)], llm_client=simulator)


def test_two_models_of_the_same_name_keep_their_own_keys_and_servers() -> None:
    with OpenAIServer("First") as first, OpenAIServer("Second") as second:
        agents = [
            Agent(role=f"Agent {n}", llm=LLM("gpt-4o-mini", api_key=f"sk-{n}", base_url=server.url))
            for n, server in enumerate((first, second))
        ]
        tasks = [Task(description="Do it", agent=agent) for agent in agents]
        result = Crew(agents=agents, tasks=tasks).kickoff()
    assert [task.raw for task in result.tasks_output] == ["First", "Second"]
    assert [server.billed[0].authorization for server in (first, second)] == ["Bearer sk-0", "Bearer sk-1"]


def test_a_fallback_of_the_same_provider_uses_the_same_key() -> None:
    def only_the_larger(body: dict[str, Any]) -> str | Fault:
        return "Fine" if body["model"] == "gpt-4o" else Fault(400, '{"error": {"message": "no"}}')

    with OpenAIServer(only_the_larger) as server:
        llm = LLM("gpt-4o-mini", fallbacks=("gpt-4o",), api_key="sk-own", base_url=server.url)
        agent = Agent(role="Worker", llm=llm)
        result = Crew(agents=[agent], tasks=[Task(description="Do it", agent=agent)]).kickoff()
    assert result.raw == "Fine"
    assert server.billed[0].authorization == "Bearer sk-own"


@pytest.mark.parametrize(("max_usd", "asked"), [(Decimal("0.0001"), 0), (None, 1)])
def test_a_budget_refuses_a_model_whose_price_nobody_knows(max_usd: Decimal | None, asked: int) -> None:
    with OpenAIServer("Fine") as server:
        agent = Agent(role="Worker", llm=LLM("my-own-model", api_key="k", base_url=server.url))
        crew = Crew(agents=[agent], tasks=[Task(description="Do it", agent=agent)], max_usd=max_usd)
        if max_usd is None:
            assert crew.kickoff().token_usage.cost_usd is None
        else:
            with pytest.raises(KickoffFailed, match="No price is known for my-own-model"):
                crew.kickoff()
    assert server.requests == asked


def test_a_text_as_guardrail_is_a_question_for_a_model() -> None:
    verdicts = ['{"passes": false, "reason": "Too short"}', '{"passes": true, "reason": ""}']
    llm = in_turn("Short", verdicts[0], "Longer", verdicts[1])
    assert one(llm, guardrail="Is it long?").kickoff({"it": "x"}).raw == "Longer"


def test_a_function_as_guardrail_is_refused_where_it_is_written() -> None:
    with pytest.raises(TypeError, match="question for a model"):
        Task(description="Do it", guardrail=lambda output: (True, output))


def test_a_hierarchical_crew_with_a_manager_agent() -> None:
    boss, writer = Agent(role="The boss"), Agent(role="The writer")
    llm = by_role(
        boss=[use("delegate_work", coworker="the_writer", instructions=""), use("accept_answer")], writer="The text"
    )
    crew = Crew(
        agents=[writer],
        tasks=[Task(description="Do it")],
        process=Process.hierarchical,
        manager_agent=boss,
        llm_client=llm,
    )
    assert crew.kickoff().raw == "The text"
    assert crew.usage_metrics is not None
    assert crew.usage_metrics.successful_requests == 3


def test_the_reviewer_is_asked_and_may_send_back() -> None:
    seen: list[str] = []

    async def reviewer(task: str, answer: str) -> Verdict:
        seen.append(answer)
        return Verdict(approved=len(seen) > 1, comment="Shorter, please")

    crew = one(in_turn("Long", "Short"), human_input=True)
    crew.reviewer = reviewer
    assert crew.kickoff({"it": "x"}).raw == "Short"
    assert seen == ["Long", "Short"]


def test_memory_lasts_from_kickoff_to_kickoff_of_one_crew() -> None:
    crew = one(in_turn(use("take_note", text="Acme pays late"), "a", use("recall_notes", query="Acme"), "b"))
    crew = Crew(agents=crew.agents, tasks=crew.tasks, llm_client=crew.llm_client, memory=True)
    crew.kickoff({"it": "x"})
    assert crew.kickoff({"it": "x"}).raw == "b"


def test_typed_answers_and_metrics() -> None:
    result = one(in_turn('{"n": 3}'), output_pydantic=Figures).kickoff({"it": "x"})
    assert result.pydantic == Figures(n=3)
    assert result.to_dict() == {"n": 3}
    assert result.token_usage.cost_usd is not None
    assert result.token_usage.cost_usd > 0


async def test_kickoff_within_a_running_loop_says_what_to_do() -> None:
    with pytest.raises(RuntimeError, match=r"await crew\.akickoff"):
        one(in_turn("x")).kickoff({"it": "x"})


async def test_many_crews_of_one_blueprint_run_at_once_and_share_nothing() -> None:
    everybody = asyncio.Barrier(100)  # nobody is answered before all have asked

    class Together(Simulator):
        async def complete(self, request: LLMRequest) -> Any:
            async with asyncio.timeout(60):
                await everybody.wait()
            return await super().complete(request)

    crew = one(Together(script=lambda request: request.messages[1]["content"]))
    results = await asyncio.gather(*(crew.akickoff({"it": str(number)}) for number in range(100)))
    assert [result.raw for result in results] == [f"Do {number}" for number in range(100)]
    assert len({result.token_usage.cost_usd for result in results}) == 1


def test_a_budget_stops_the_run_and_says_at_what_figure() -> None:
    crew = one(in_turn("x"))
    crew.max_usd = Decimal("0.0000001")
    with pytest.raises(KickoffFailed, match=r"0\.0000001") as failed:
        crew.kickoff({"it": "x"})
    assert failed.value.output.token_usage.successful_requests == 0


def test_a_missing_input_is_named_before_anything_is_spent() -> None:
    with pytest.raises(InvalidCrew, match=r"inputs\.it"):
        one(in_turn()).kickoff()
