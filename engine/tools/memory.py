"""An agent's memory: notes that it takes for later runs and looks up again. Each agent sees only its own.

The agent decides when to do either, so a run pays only for what is used. Two tasks of one agent may do both at once.
"""

from __future__ import annotations

from typing import Any, Protocol

from engine.spec.crew_spec import AgentSpec
from engine.tools.knowledge_search import TextKnowledge
from engine.tools.registry import Toolbox, toolbox_of
from engine.tools.tool import Effect, ToolFacts, ToolFailed, text_arguments

MAX_NOTE_CHARS = 4_000
MAX_RECALLED = 8
NOTHING_NOTED = "There are no notes on that."


class Memory(Protocol):
    """Keeps the notes of one crew's agents, longer than a run. A text that is noted twice is kept once."""

    async def note(self, agent: str, text: str) -> None: ...

    async def recall(self, agent: str, query: str, *, limit: int) -> list[str]:
        """At most ``limit`` of the agent's own notes, the best first."""
        ...


class TextMemory:
    """Notes in this process's memory, for programs without a server."""

    def __init__(self) -> None:
        self._notes: dict[str, dict[str, None]] = {}

    async def note(self, agent: str, text: str) -> None:
        self._notes.setdefault(agent, {})[text] = None

    async def recall(self, agent: str, query: str, *, limit: int) -> list[str]:
        notes = TextKnowledge({str(number): text for number, text in enumerate(self._notes.get(agent, ()))})
        passages = await notes.search(query, collections=(), limit=limit)
        return [passage.text for passage in passages]


def memory_tools(memory: Memory, agent: AgentSpec) -> Toolbox:
    """The two tools by which the agent uses its notes; none if its spec gives it no memory."""
    return toolbox_of((TakeNote(memory, agent.key), RecallNotes(memory, agent.key))) if agent.memory else {}


class TakeNote:
    """Keeps a text for later runs."""

    facts = ToolFacts(
        name="take_note",
        description="Note something that will be of use when you work on such tasks again. Notes outlast this work.",
        parameters=text_arguments(text="one fact or lesson, so that it can be understood by itself"),
        effect=Effect.IDEMPOTENT,
        cacheable=False,
    )

    def __init__(self, memory: Memory, agent: str) -> None:
        self._memory = memory
        self._agent = agent

    async def run(self, arguments: dict[str, Any]) -> str:
        text = str(arguments["text"]).strip()
        if not text or len(text) > MAX_NOTE_CHARS:
            raise ToolFailed(f"A note has 1 to {MAX_NOTE_CHARS:,} characters. Note less at once.")
        await self._memory.note(self._agent, text)
        return "Noted."


class RecallNotes:
    """Finds the agent's own notes."""

    facts = ToolFacts(
        name="recall_notes",
        description="Look up what you noted in earlier work.",
        parameters=text_arguments(query="the words to look for"),
        cacheable=False,
    )

    def __init__(self, memory: Memory, agent: str) -> None:
        self._memory = memory
        self._agent = agent

    async def run(self, arguments: dict[str, Any]) -> str:
        notes = await self._memory.recall(self._agent, str(arguments["query"]), limit=MAX_RECALLED)
        return "\n\n".join(notes) or NOTHING_NOTED
