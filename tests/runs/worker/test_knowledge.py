"""A run whose agent searches the team's documents: on the simulated model too it really finds them, only its own."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import Counter
from typing import Any

import pytest
from django.db import OperationalError

from agents_app.actions import create_crew
from agents_app.knowledge.actions import upload_document
from agents_app.knowledge.search import search_passages
from engine.crew.crew import run_crew
from engine.record.memory_journal import MemoryJournal
from engine.spec.crew_spec import AgentSpec, CrewSpec, TaskSpec
from engine.tools.tool import ToolFailed
from runs.launch.actions import launch
from runs.launch.order import LaunchOrder
from runs.models import Run
from runs.worker import knowledge
from runs.worker.knowledge import TeamKnowledge
from runs.worker.reading import MAX_READINGS, READINGS_OF_TEAM, Reading
from runs.worker.runtime import tools_of
from teams.access import Principal
from teams.credentials import TeamCredentials
from teams.models import Team
from tests.cast import Cast
from tests.engine.crews import runtime

pytestmark = pytest.mark.django_db(transaction=True)  # the searching threads have connections of their own


def tool_outputs(who: Principal, config: dict[str, object] | None = None) -> list[str | None]:
    """What the tool gave in a simulated run of a crew with one agent."""
    tool = {"name": "knowledge_search", "config": config or {}}
    agent = AgentSpec.model_validate({"key": "clerk", "role": "Clerk", "tools": [tool]})
    task = TaskSpec(key="answer", description="How many days of leave are there", agent="clerk")
    crew = create_crew(who, name="Desk", spec=CrewSpec(name="Desk", agents=(agent,), tasks=(task,)))
    run: Run = launch(who, crew, LaunchOrder(inputs={}))
    journal = MemoryJournal()
    spec = CrewSpec.from_json(run.version.spec)
    asyncio.run(
        run_crew(
            spec,
            run.inputs,
            runtime(journal=journal, tools=tools_of(run, TeamCredentials(run.team), Reading(run.team_id))),
        )
    )
    return [call.outcome.tool_output for call in journal.calls if call.intent.tool]


def test_a_simulated_run_finds_what_its_team_uploaded(cast: Cast) -> None:
    upload_document(cast.editor, title="Handbook.md", data=b"Everybody has 30 days of leave.")
    assert tool_outputs(cast.runner) == ["Handbook.md (part 1)\nEverybody has 30 days of leave."]


def test_it_does_not_find_another_teams_documents_or_collections(cast: Cast) -> None:
    upload_document(cast.stranger, title="Theirs.md", data=b"They have 40 days of leave.")
    assert tool_outputs(cast.runner) == ["Nothing was found."]
    upload_document(cast.editor, title="Handbook.md", data=b"Everybody has 30 days of leave.")
    assert tool_outputs(cast.runner, {"collection": "legal"}) == ["Nothing was found."]


class Searches:
    """Stands before the real search and counts by team how many are under way. They wait until ``go_on`` is set."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.at_once: Counter[int] = Counter()
        self.most: Counter[int] = Counter()
        self.done: list[int] = []
        self.go_on = threading.Event()

    def __call__(self, team: Team, query: str, **options: Any) -> Any:
        with self.lock:
            self.at_once[team.pk] += 1
            self.most[team.pk] = max(self.most[team.pk], self.at_once[team.pk])
        try:
            assert self.go_on.wait(60)
            return search_passages(team, query, **options)
        finally:
            with self.lock:
                self.done.append(team.pk)
                self.at_once[team.pk] -= 1


@pytest.fixture
def searches(monkeypatch: pytest.MonkeyPatch) -> Searches:
    counted = Searches()
    monkeypatch.setattr(knowledge, "search_passages", counted)
    return counted


def asked(team: Team, *, runs: int, each: int) -> list[asyncio.Task[Any]]:
    """So many searches at once of each of so many runs of the team."""
    sources = [TeamKnowledge(team, Reading(team.pk)) for _ in range(runs)]
    return [
        asyncio.create_task(source.search("leave", collections=(), limit=5)) for source in sources for _ in range(each)
    ]


async def settled(searches: Searches, team: Team, count: int) -> None:
    while searches.at_once[team.pk] < count:
        await asyncio.sleep(0.01)


def test_a_run_has_one_thread_and_its_team_two_whatever_they_ask_for(cast: Cast, searches: Searches) -> None:
    async def many() -> None:
        flood = asked(cast.team, runs=1, each=40)
        await settled(searches, cast.team, 1)
        flood += asked(cast.team, runs=3, each=40)
        await settled(searches, cast.team, READINGS_OF_TEAM)
        others = asked(cast.stranger.team, runs=1, each=1)
        await settled(searches, cast.stranger.team, 1)  # it does not wait for the hundreds before it
        searches.go_on.set()
        await asyncio.wait_for(asyncio.gather(*others, *flood), 60)

    asyncio.run(many())
    assert searches.most[cast.team.pk] == READINGS_OF_TEAM < MAX_READINGS
    assert len(searches.done) == 161


def test_one_run_alone_never_has_two(cast: Cast, searches: Searches) -> None:
    async def many() -> None:
        searches.go_on.set()
        await asyncio.gather(*asked(cast.team, runs=1, each=40))

    asyncio.run(many())
    assert searches.most[cast.team.pk] == 1


def test_searches_that_wait_are_dropped_with_their_run(cast: Cast, searches: Searches) -> None:
    async def cancelled() -> None:
        flood = asked(cast.team, runs=1, each=200)
        await settled(searches, cast.team, 1)
        for search in flood:
            search.cancel()
        await asyncio.gather(*flood, return_exceptions=True)
        searches.go_on.set()
        await asyncio.gather(*asked(cast.stranger.team, runs=1, each=1))
        while searches.at_once[cast.team.pk]:  # the one that was begun ends by itself
            await asyncio.sleep(0.01)

    asyncio.run(cancelled())
    assert len(searches.done) == 2


def test_a_run_that_used_up_its_time_is_told_to_answer_without(cast: Cast) -> None:
    reading = Reading(cast.team.pk, seconds=0.05)

    async def slow_and_again() -> None:
        await reading.do(lambda: time.sleep(0.1))
        await reading.do(lambda: None)

    with pytest.raises(ToolFailed, match="Answer without more"):
        asyncio.run(slow_and_again())


def test_a_search_that_takes_too_long_is_told_to_the_model(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agents_app.knowledge.search.SEARCH_SECONDS", 0.0)
    with pytest.raises(ToolFailed, match="fewer or rarer words"):
        asyncio.run(TeamKnowledge(cast.team, Reading(cast.team.pk)).search("x", collections=(), limit=5))


def test_a_database_that_fails_is_the_tools_failure_without_its_words(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*args: object, **options: object) -> None:
        raise OperationalError("secret host name")

    monkeypatch.setattr(knowledge, "search_passages", broken)
    with pytest.raises(ToolFailed, match="cannot be read") as failed:
        asyncio.run(TeamKnowledge(cast.team, Reading(cast.team.pk)).search("x", collections=(), limit=5))
    assert "secret" not in str(failed.value)
