"""The messages of one agent at one task, from the first question to the last answer: ask, call tools, stop.

What does not fit the model's window is made shorter by the model itself, never cut in silence.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from engine.catalogue.abilities import takes_schema, takes_tools
from engine.concurrency import all_of
from engine.crew.compaction import Part, shorten
from engine.crew.model_calls import Calls
from engine.crew.prompt import (
    CONTINUE,
    EMPTY_ANSWER,
    FINAL_ANSWER,
    TOOL_OUTPUT,
    assistant_message,
    fenced,
    system_message,
    task_message,
    tool_message,
    user_message,
)
from engine.crew.tool_calls import ToolResult, use_tool
from engine.crew.tool_text import manual, results_message, with_calls_read
from engine.errors import ContextTooLong, ModelMistake
from engine.providers.llm import LLMReply, Message, ToolCall
from engine.record.journal import Purpose
from engine.record.request_key import content_key
from engine.spec.crew_spec import TaskSpec
from engine.text import read_json
from engine.tools.registry import Toolbox

SAME_CALL_LIMIT = 3
MAX_CALLS_IN_ONE_REPLY = 100
MAX_CALLS_ANSWERED = 1000
"""What a model calls beyond is nonsense: it stands in the recorded reply, and is neither answered nor sent back."""
TOO_MANY_CALLS = f"At most {MAX_CALLS_IN_ONE_REPLY} tool calls are made at once; this one was not made."
MAX_CONTINUATIONS = 4
MAX_SHORTENINGS = 4
"""Of one request: a window that nobody knew may turn out to be smaller than was thought at first."""
ENDLESS_ANSWER = f"[cut here: the answer was not finished after {MAX_CONTINUATIONS} continuations]"
OPENING = 1

Context = Sequence[tuple[str, str]]
"""Titles and outputs of earlier tasks."""

Opening = Callable[[Context, dict[str, Any] | None], Message]
"""Writes the first question around a context, with the schema that has to be told in words, if any."""

Watch = Callable[[ToolCall, ToolResult], str | None]
"""Sees every tool result in order, also replayed ones; a text that it gives is the answer and ends the conversation."""


class Conversation:
    """``opening`` writes the first question around a context, so that the context can be made shorter later.

    ``schema`` is the form of the answers; it is asked for natively where the model can do that beside its tools.
    """

    def __init__(
        self,
        calls: Calls,
        opening: Opening,
        context: Context = (),
        *,
        toolbox: Toolbox | None = None,
        schema: dict[str, Any] | None = None,
        watch: Watch | None = None,
    ) -> None:
        self.calls = calls
        self._toolbox = toolbox or {}
        self._watch = watch
        self._context = list(context)
        tools = tuple(tool.facts.for_model() for tool, _ in self._toolbox.values())
        in_words = bool(tools) and not takes_tools(calls.agent.llm.model)
        self._in_words = in_words
        self._tools = () if in_words else tools
        self._schema = (
            schema if schema and takes_schema(calls.agent.llm.model, schema, beside_tools=bool(tools)) else None
        )
        self._schema_in_words = None if self._schema else schema
        self._opening = opening
        system = system_message(calls.agent, has_tools=bool(tools), manual=manual(tools) if in_words else "")
        self._messages: list[Message] = [system, opening(self._context, self._schema_in_words)]

    async def answer(self) -> str:
        """The model's words once it stops calling tools, or is told to. Raises ``ModelMistake`` if it says nothing."""
        seen: Counter[str] = Counter()
        for _ in range(self.calls.agent.max_iter):
            reply = await self._ask()
            if not reply.tool_calls:
                return await self._words(reply)
            ended = await self._use_tools(reply)
            if ended is not None:
                return ended
            seen.update(map(_told_apart, reply.tool_calls))
            if max(seen.values()) >= SAME_CALL_LIMIT:
                break
        return await self.again(FINAL_ANSWER)

    async def again(self, remark: str, *, purpose: Purpose | None = None) -> str:
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

    async def _ask(self, *, may_call_tools: bool = True, purpose: Purpose | None = None) -> LLMReply:
        reply = await self._whole_reply(may_call_tools=may_call_tools, purpose=purpose)
        reply = replace(reply, tool_calls=reply.tool_calls[:MAX_CALLS_ANSWERED])
        turn = reply
        if self._in_words:
            reply = with_calls_read(reply)
        if not may_call_tools:  # some models call tools all the same; nobody will answer those calls
            reply = replace(reply, tool_calls=())
            turn = reply
        if turn.text or turn.tool_calls:
            self._messages.append(assistant_message(turn))
        return reply

    async def _whole_reply(self, *, may_call_tools: bool, purpose: Purpose | None) -> LLMReply:
        """A reply that only our own bound cut short is continued, so that no answer is cut in silence."""
        reply = await self._request(self._messages, may_call_tools=may_call_tools, purpose=purpose)
        for _ in range(MAX_CONTINUATIONS):
            cut = reply.finish_reason == "length" and reply.text and not reply.tool_calls
            if not cut or self.calls.agent.llm.max_tokens is not None:
                break
            messages = [*self._messages, assistant_message(reply), user_message(CONTINUE)]
            more = await self._request(messages, may_call_tools=False, purpose=purpose)
            reply = replace(more, text=reply.text + more.text, tool_calls=())
        else:
            if reply.finish_reason == "length" and reply.text and not reply.tool_calls:
                reply = replace(reply, text=f"{reply.text}\n{ENDLESS_ANSWER}")
        return reply

    async def _request(self, messages: list[Message], *, may_call_tools: bool, purpose: Purpose | None) -> LLMReply:
        shortened = 0
        while True:
            try:
                return await self.calls.ask(
                    messages,
                    tools=self._tools,
                    may_call_tools=may_call_tools,
                    response_schema=self._schema,
                    purpose=purpose,
                )
            except ContextTooLong as too_long:
                if not self.calls.agent.respect_context_window or shortened == MAX_SHORTENINGS:
                    raise
                shortened += 1
                last = messages[len(self._messages) :]
                await self._make_room(too_long)
                messages = [*self._messages, *last]

    async def _make_room(self, too_long: ContextTooLong) -> None:
        """Shortens context and tool outputs, the longest first. Raises ``too_long`` if there is nothing to shorten."""
        parts = [Part(output, ("context", index)) for index, (_, output) in enumerate(self._context)]
        parts += [
            Part(str(message["content"]), ("message", index))
            for index, message in enumerate(self._messages)
            if index > OPENING and str(message["content"]).startswith(f"<{TOOL_OUTPUT}>")
        ]
        shorter = await shorten(self.calls, self._messages, parts, too_long)
        for (kind, index), text in shorter.items():
            if kind == "context":
                self._context[index] = (self._context[index][0], text)
            else:
                self._messages[index] = {**self._messages[index], "content": fenced(TOOL_OUTPUT, text)}
        self._messages[OPENING] = self._opening(self._context, self._schema_in_words)

    async def _use_tools(self, reply: LLMReply) -> str | None:
        """All tool calls of one reply at once; steps are taken first, in the reply's order, so that replay finds them.

        Returns the conversation's answer if one of the results is it.
        """
        numbered = [
            (call, self.calls.next_step(), number >= MAX_CALLS_IN_ONE_REPLY)
            for number, call in enumerate(reply.tool_calls)
        ]
        outcomes = await all_of(
            use_tool(self.calls, call, self._toolbox, step=step, refusal=TOO_MANY_CALLS if beyond else "")
            for call, step, beyond in numbered
        )
        results = list(zip(reply.tool_calls, outcomes, strict=True))
        told = [tool_message(call.id, result.text) for call, result in results]
        self._messages.extend([results_message(told)] if self._in_words else told)
        ends = [self._watch(call, result) for call, result in results] if self._watch else []
        return next((text for text in ends if text is not None), None)


def _told_apart(call: ToolCall) -> str:
    """Equal for calls of one tool with the same arguments, however these are written."""
    try:
        return content_key(call.name, read_json(call.arguments or "{}"))
    except ValueError:
        return content_key(call.name, call.arguments)


def opening_of(task: TaskSpec) -> Opening:
    """The task's own first question."""
    return lambda context, schema_in_words: task_message(task, context, schema_in_words=schema_in_words)
