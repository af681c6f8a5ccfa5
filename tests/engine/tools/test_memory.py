"""Memory: what an agent notes is there in later runs, for that agent alone, also when its tasks note at once."""

from __future__ import annotations

from dataclasses import replace

from engine.record.journal import CallKind
from engine.record.memory_journal import MemoryJournal
from engine.tools.memory import NOTHING_NOTED, TextMemory
from tests.engine.crews import agent, crew, run, runtime, task
from tests.engine.scripts import by_role, in_turn, use

WORKER = agent(memory=True)


async def test_a_note_of_one_run_is_recalled_in_the_next() -> None:
    memory, journal = TextMemory(), MemoryJournal()
    spec = crew(task("a"), agents=(WORKER,))
    await run(spec, replace(runtime(llm=in_turn(use("take_note", text="Acme pays late."), "Done")), memory=memory))
    llm = in_turn(use("recall_notes", query="how does Acme pay"), "It pays late")
    await run(spec, replace(runtime(llm=llm, journal=journal), memory=memory))
    (recalled,) = [call for call in journal.calls if call.intent.kind is CallKind.TOOL]
    assert recalled.outcome.tool_output == "Acme pays late."


async def test_agents_do_not_read_each_others_notes() -> None:
    memory = TextMemory()
    await memory.note("other", "Acme pays late.")
    assert await memory.recall("worker", "Acme", limit=5) == []
    journal = MemoryJournal()
    llm = in_turn(use("recall_notes", query="Acme"), "Nothing known")
    await run(crew(task("a"), agents=(WORKER,)), replace(runtime(llm=llm, journal=journal), memory=memory))
    assert journal.calls[1].outcome.tool_output == NOTHING_NOTED


async def test_tasks_of_one_agent_may_note_at_once() -> None:
    memory = TextMemory()
    notes = [use("take_note", text=f"Lesson {number}") for number in range(2)]
    spec = crew(task("a", async_execution=True), task("b", async_execution=True), agents=(WORKER,))
    llm = by_role(worker=[*notes, "Done", "Done"])
    await run(spec, replace(runtime(llm=llm), memory=memory))
    assert sorted(await memory.recall("worker", "lesson", limit=5)) == ["Lesson 0", "Lesson 1"]


async def test_an_agent_without_memory_has_no_such_tools() -> None:
    journal = MemoryJournal()
    await run(crew(task("a")), runtime(journal=journal))
    assert "tools" not in journal.calls[0].intent.params


async def test_the_same_note_is_kept_once_and_an_endless_one_refused() -> None:
    memory = TextMemory()
    llm = in_turn(
        use("take_note", text="Once"), use("take_note", text="Once "), use("take_note", text="x" * 5000), "Ok"
    )
    journal = MemoryJournal()
    await run(crew(task("a"), agents=(WORKER,)), replace(runtime(llm=llm, journal=journal), memory=memory))
    assert await memory.recall("worker", "once", limit=5) == ["Once"]
    assert "Note less" in (journal.calls[-2].outcome.tool_output or "")
