"""A run whose agent searches the team's documents: on the simulated model too it really finds them, only its own."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import Any

import pytest
from django.db import OperationalError

from agents_app.actions import create_crew
from agents_app.knowledge.actions import upload_document
from agents_app.knowledge.search import search_passages
from engine.crew.crew import run_crew
from engine.record.memory_journal import MemoryJournal
from engine.spec.crew_spec import AgentSpec, CrewSpec, TaskSpec
from engine.tools.knowledge_search import FoundPassage
from engine.tools.tool import ToolFailed
from runs.launch.actions import launch
from runs.launch.order import LaunchOrder
from runs.models import Run
from runs.worker import knowledge
from runs.worker.knowledge import MAX_SEARCHES, TeamKnowledge
from runs.worker.runtime import tools_of
from teams.access import Principal
from teams.credentials import TeamCredentials
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
    asyncio.run(run_crew(spec, run.inputs, runtime(journal=journal, tools=tools_of(run, TeamCredentials(run.team)))))
    return [call.outcome.tool_output for call in journal.calls if call.intent.tool]


def test_a_simulated_run_finds_what_its_team_uploaded(cast: Cast) -> None:
    upload_document(cast.editor, title="Handbook.md", data=b"Everybody has 30 days of leave.")
    assert tool_outputs(cast.runner) == ["Handbook.md (part 1)\nEverybody has 30 days of leave."]


def test_it_does_not_find_another_teams_documents_or_collections(cast: Cast) -> None:
    upload_document(cast.stranger, title="Theirs.md", data=b"They have 40 days of leave.")
    assert tool_outputs(cast.runner) == ["Nothing was found."]
    upload_document(cast.editor, title="Handbook.md", data=b"Everybody has 30 days of leave.")
    assert tool_outputs(cast.runner, {"collection": "legal"}) == ["Nothing was found."]


def test_many_searches_at_once_wait_their_turn(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    upload_document(cast.editor, title="Handbook.md", data=b"Everybody has 30 days of leave.")
    at_once, most, lock = 0, 0, threading.Lock()

    def counted(*args: Any, **options: Any) -> Any:
        nonlocal at_once, most
        with lock:
            at_once += 1
            most = max(most, at_once)
        try:
            time.sleep(0.01)
            return search_passages(*args, **options)
        finally:
            with lock:
                at_once -= 1

    async def many() -> list[list[FoundPassage]]:
        source = TeamKnowledge(cast.team)
        return await asyncio.gather(*(source.search("leave", collections=(), limit=5) for _ in range(40)))

    monkeypatch.setattr(knowledge, "search_passages", counted)
    assert [len(found) for found in asyncio.run(many())] == [1] * 40
    assert most == MAX_SEARCHES


def test_a_database_that_fails_is_the_tools_failure_without_its_words(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*args: object, **options: object) -> None:
        raise OperationalError("secret host name")

    monkeypatch.setattr(knowledge, "search_passages", broken)
    with pytest.raises(ToolFailed, match="cannot be read") as failed:
        asyncio.run(TeamKnowledge(cast.team).search("x", collections=(), limit=5))
    assert "secret" not in str(failed.value)
