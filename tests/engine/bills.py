"""A model that keeps its own bill, so that the engine's figures are held against somebody else's."""

from __future__ import annotations

import asyncio
from collections import Counter

from engine.catalogue.pricing import Usage
from engine.providers.llm import LLMReply, LLMRequest
from engine.providers.simulator import Script, Simulator
from engine.record.journal import CallKind
from engine.record.memory_journal import MemoryJournal

PROMPT, COMPLETION = 100, 10
EACH = PROMPT + COMPLETION


class Till(Simulator):
    """Bills every request it answers with the same 100 + 10 tokens; ``bill`` says for which model and role."""

    def __init__(self, script: Script | None = None) -> None:
        super().__init__(script=script)
        self.bill: list[tuple[str, str]] = []
        self.in_flight = self.most_in_flight = 0

    async def complete(self, request: LLMRequest) -> LLMReply:
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            await self.before_answer(request)
            reply = await super().complete(request)
        finally:
            self.in_flight -= 1
        self.bill.append((request.llm.model, str(request.messages[0]["content"]).partition("\n")[0]))
        return LLMReply(
            text=reply.text,
            usage=Usage(prompt_tokens=PROMPT, completion_tokens=COMPLETION),
            model=reply.model,
            tool_calls=reply.tool_calls,
            finish_reason=reply.finish_reason,
        )

    async def before_answer(self, request: LLMRequest) -> None:
        """For tests that hold requests back."""

    @property
    def tokens(self) -> int:
        return len(self.bill) * EACH


class AllAtOnce(Till):
    """Answers nobody before so many are asking: who asks one after the other waits in vain."""

    def __init__(self, parties: int, script: Script | None = None) -> None:
        super().__init__(script)
        self._barrier = asyncio.Barrier(parties)

    async def before_answer(self, request: LLMRequest) -> None:
        await asyncio.wait_for(self._barrier.wait(), 30)


def model_calls(journal: MemoryJournal) -> list[tuple[str, str, int]]:
    """Task, model and tokens of every model request in the journal."""
    return [
        (call.intent.task, call.intent.model, call.outcome.usage.total_tokens)
        for call in journal.calls
        if call.intent.kind is CallKind.MODEL
    ]


def tokens_by(journal: MemoryJournal, field: str) -> Counter[str]:
    """Tokens of the journal's model requests by a field of their intents."""
    found: Counter[str] = Counter()
    for call in journal.calls:
        if call.intent.kind is CallKind.MODEL:
            found[getattr(call.intent, field)] += call.outcome.usage.total_tokens
    return found
