"""One agent, one task: ask, call tools, stop; then check the answer's form. Every call goes through ``calls``."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from engine import price_list
from engine.calls import TaskCalls
from engine.errors import ModelMistake
from engine.journal import Purpose
from engine.llm import LLMReply, Message
from engine.output import Answer, guardrail_complaint, read_answer
from engine.prompt import (
    EMPTY_ANSWER,
    FINAL_ANSWER,
    assistant_message,
    system_message,
    task_message,
    tool_message,
    user_message,
)
from engine.spec import TaskSpec
from engine.tools.registry import Toolbox

SAME_CALL_LIMIT = 3
SCHEMA_REPAIRS = 1


async def do_task(calls: TaskCalls, task: TaskSpec, context: Iterable[tuple[str, str]]) -> Answer:
    """The task's checked answer. ``context`` is (title, output) pairs.

    Raises ``ModelMistake`` if the model does not get it right within its repairs, ``ToolFailed`` if its tools cannot be
    had, and what ``TaskCalls.ask`` raises.
    """
    async with calls.runtime.tools.open(calls.agent.tools if task.tools is None else task.tools) as toolbox:
        return await _do_with(toolbox, calls, task, context)


async def _do_with(toolbox: Toolbox, calls: TaskCalls, task: TaskSpec, context: Iterable[tuple[str, str]]) -> Answer:
    facts = price_list.facts(calls.agent.llm.model)
    schema = task.output_schema
    # OpenAI's form takes objects only.
    native = schema if schema and schema.get("type") == "object" and facts is not None and facts.schema else None
    in_words = task.output_schema if native is None else None
    messages = [system_message(calls.agent), task_message(task, context, schema_in_words=in_words)]
    conversation = Conversation(calls, toolbox, messages, native)
    text = await conversation.answer()
    return await _checked(conversation, task, text)


class Conversation:
    """The messages of one agent at one task, from the first question to the last answer."""

    def __init__(
        self, calls: TaskCalls, toolbox: Toolbox, messages: list[Message], response_schema: dict[str, Any] | None
    ) -> None:
        self._calls = calls
        self._toolbox = toolbox
        self._messages = messages
        self._schema = response_schema
        self._tools = tuple(tool.facts.for_model() for tool, _ in toolbox.values())

    async def answer(self) -> str:
        """The model's words once it stops calling tools, or is told to. Raises ``ModelMistake`` if it says nothing."""
        seen: Counter[tuple[str, str]] = Counter()
        for _ in range(self._calls.agent.max_iter):
            reply = await self._ask()
            if not reply.tool_calls:
                return await self._words(reply)
            await self._use_tools(reply)
            seen.update((call.name, call.arguments) for call in reply.tool_calls)
            if max(seen.values()) >= SAME_CALL_LIMIT:
                break
        return await self.again(FINAL_ANSWER)

    async def again(self, remark: str, *, purpose: Purpose = Purpose.WORK) -> str:
        """The model's words after a remark, without tools."""
        self._messages.append(user_message(remark))
        return await self._words(await self._ask(may_call_tools=False, purpose=purpose))

    async def _words(self, reply: LLMReply) -> str:
        if not reply.text.strip():
            self._messages.append(user_message(EMPTY_ANSWER))
            reply = await self._ask(may_call_tools=False)
        if not reply.text.strip():
            raise ModelMistake("The model gave no answer, also when asked again.")
        return reply.text

    async def _ask(self, *, may_call_tools: bool = True, purpose: Purpose = Purpose.WORK) -> LLMReply:
        reply = await self._calls.ask(
            self._messages,
            tools=self._tools,
            may_call_tools=may_call_tools,
            response_schema=self._schema,
            purpose=purpose,
        )
        if not may_call_tools:
            reply = replace(reply, tool_calls=())  # some models call tools all the same; nobody will answer those calls
        if reply.text or reply.tool_calls:
            self._messages.append(assistant_message(reply))
        return reply

    async def _use_tools(self, reply: LLMReply) -> None:
        """All tool calls of one reply at once; steps are taken first, in the reply's order, so that replay finds
        them.
        """
        numbered = [(call, self._calls.next_step()) for call in reply.tool_calls]
        try:
            async with asyncio.TaskGroup() as group:
                jobs = [group.create_task(self._calls.use_tool(call, self._toolbox, step)) for call, step in numbered]
        except BaseExceptionGroup as failures:
            raise failures.exceptions[0] from None  # the first one stopped the others; callers know single errors
        self._messages.extend(
            tool_message(call.id, job.result()) for (call, _), job in zip(numbered, jobs, strict=True)
        )


async def _checked(conversation: Conversation, task: TaskSpec, text: str) -> Answer:
    repairs = SCHEMA_REPAIRS
    refusals = task.guardrail_max_retries
    while True:
        try:
            answer = read_answer(text, task.output_schema)
        except ModelMistake as mistake:
            if repairs == 0:
                raise
            repairs -= 1
            text = await conversation.again(f"{mistake} Answer again with the JSON value alone.")
            continue
        complaint = next(filter(None, (guardrail_complaint(rail, answer.raw) for rail in task.guardrails)), "")
        if not complaint:
            return answer
        if refusals == 0:
            raise ModelMistake(f"A guardrail refused the answer {task.guardrail_max_retries + 1} times: {complaint}")
        refusals -= 1
        text = await conversation.again(f"{complaint} Answer again.", purpose=Purpose.GUARDRAIL)
