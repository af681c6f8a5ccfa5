"""A crew's notes in the database: for its own agents, in its own team, kept once, and safe under parallel tasks."""

from __future__ import annotations

import asyncio

import pytest

from engine.tools.memory import MAX_RECALLED
from runs.launch.actions import launch
from runs.launch.order import LaunchOrder
from runs.models import Note, Run
from runs.worker import crew_memory as notes_module
from runs.worker.crew_memory import CrewMemory
from runs.worker.reading import Reading
from tests.cast import Cast, make_crew

pytestmark = pytest.mark.django_db(transaction=True)  # the searching threads have connections of their own


def run_of(cast: Cast, *, simulated: bool = False) -> Run:
    run = launch(cast.owner, make_crew(cast.owner), LaunchOrder(inputs={"company": "Acme"}))
    run.simulated = simulated
    return run


def notes_of(run: Run) -> CrewMemory:
    return CrewMemory(run, Reading(run.team_id))


def recalled(memory: CrewMemory, query: str, agent: str = "finance") -> list[str]:
    return asyncio.run(memory.recall(agent, query, limit=MAX_RECALLED))


def test_notes_are_found_by_their_words_in_any_form(cast: Cast) -> None:
    notes = notes_of(run_of(cast))
    for text in ("Acme pays its invoices late.", "Lamps are sold in boxes.", "İstanbul’s office is closed"):
        asyncio.run(notes.note("finance", text))
    assert recalled(notes, "When is an invoice paid?") == ["Acme pays its invoices late."]
    assert recalled(notes, "i̇stanbul") == ["İstanbul’s office is closed"]
    assert recalled(notes, "zebra") == []
    assert recalled(notes, "'; DROP TABLE -- & | ! <-> \x00") == []


def test_other_agents_other_crews_and_simulations_have_their_own(cast: Cast) -> None:
    run = run_of(cast)
    asyncio.run(notes_of(run).note("finance", "Acme pays late."))
    assert recalled(notes_of(run), "Acme", agent="writer") == []
    assert recalled(notes_of(run_of(cast)), "Acme") == []
    run.simulated = True
    assert recalled(notes_of(run), "Acme") == []


def test_parallel_tasks_may_note_the_same_at_once(cast: Cast) -> None:
    notes = notes_of(run_of(cast))

    async def work() -> None:
        await asyncio.gather(*(notes.note("finance", f"Lesson {number % 5}") for number in range(40)))

    asyncio.run(work())
    assert Note.objects.count() == 5


def test_only_the_newest_are_kept(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notes_module, "MAX_NOTES", 3)
    notes = notes_of(run_of(cast))
    for number in range(5):
        asyncio.run(notes.note("finance", f"Lesson number {number}"))
    assert sorted(recalled(notes, "lesson")) == [f"Lesson number {number}" for number in (2, 3, 4)]
