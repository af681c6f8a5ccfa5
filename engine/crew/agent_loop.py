"""The conversation of one agent with its model about one task: ask, call tools, ask again, until there is an answer.

What does not fit the model's window is summarised by the model itself; nothing is cut without saying so.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from engine.catalogue.abilities import takes_schema, takes_tools
from engine.concurrency import all_of
from engine.crew.compaction import LongText, shorten
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
"""Of one reply. More is nonsense: it stays in the recorded reply, but is neither answered nor sent back."""
TOO_MANY_CALLS = f"At most {MAX_CALLS_IN_ONE_REPLY} tool calls are made at once; this one was not made."
MAX_CONTINUATIONS = 4
MAX_SHORTENINGS = 4
"""Of one request. An unknown window may turn out to be smaller than was assumed."""
ENDLESS_ANSWER = f"[cut here: the answer was not finished after {MAX_CONTINUATIONS} continuations]"
BRIEF_INDEX = 1
"""Where the brief stands among the messages: after the system message."""

Context = Sequence[tuple[str, str]]
"""(title, output) of earlier tasks."""

WriteBrief = Callable[[Context, dict[str, Any] | None], Message]
"""Writes the brief, the first message of the user: what to do, the context, and the schema if it is told in words."""

Watch = Callable[[ToolCall, ToolResult, int], str | None]
"""Sees every tool result in order with its step, replayed ones too. A text that it returns ends the conversation as its
answer."""


class Conversation:
    """One agent's conversation. ``write_brief`` is called again whenever the context has been made shorter.

    ``schema`` is that of the answer. It is asked for natively if the model takes one beside its tools, else in words.
    """

    def __init__(
        self,
        calls: Calls,
        write_brief: WriteBrief,
        context: Context = (),
        *,
        toolbox: Toolbox | None = None,
        schema: dict[str, Any] | None = None,
        watch: Watch | None = None,
    ) -> None:
        self.calls = calls
        self.answered_at: tuple[str, int | None] = (calls.branch, 0)
        """Branch and step of the model call that gave the last answer; None: the branch's last one."""
        self._toolbox = toolbox or {}
        self._watch = watch
        self._context = list(context)
        tools = tuple(tool.facts.for_model() for tool, _ in self._toolbox.values())
        self._all_tools = tools
        self._tools_in_words = bool(tools) and not takes_tools(calls.agent.llm.model)
        self._tools = () if self._tools_in_words else tools
        self._schema = (
            schema if schema and takes_schema(calls.agent.llm.model, schema, beside_tools=bool(tools)) else None
        )
        self._schema_in_words = None if self._schema else schema
        self._write_brief = write_brief
        system = system_message(
            calls.agent, has_tools=bool(tools), manual=manual(tools) if self._tools_in_words else ""
        )
        self._messages: list[Message] = [system, write_brief(self._context, self._schema_in_words)]

    async def answer(self) -> str:
        """The model's answer once it stops calling tools, or is told to. Raises ``ModelMistake`` if it gives none."""
        times_called: Counter[str] = Counter()
        for _ in range(self.calls.agent.max_iter):
            reply = await self._ask()
            if not reply.tool_calls:
                return await self._answer_text(reply)
            answer = await self._use_tools(reply)
            if answer is not None:
                return answer
            times_called.update(map(_call_key, reply.tool_calls))
            if max(times_called.values()) >= SAME_CALL_LIMIT:
                break
        return await self.again(FINAL_ANSWER)

    async def again(self, remark: str, *, purpose: Purpose | None = None) -> str:
        """The model's answer to a remark; it may not call tools."""
        self._messages.append(user_message(remark))
        return await self._answer_text(await self._ask(may_call_tools=False, purpose=purpose))

    async def _answer_text(self, reply: LLMReply) -> str:
        """The reply's text; the model is asked once more if it is empty."""
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
        if self._tools_in_words:
            reply = with_calls_read(reply, self._all_tools)
        if not may_call_tools:  # some models call tools all the same; nobody answers those calls
            reply = replace(reply, tool_calls=())
            turn = reply
        if turn.text or turn.tool_calls:
            self._messages.append(assistant_message(turn))
        return reply

    async def _whole_reply(self, *, may_call_tools: bool, purpose: Purpose | None) -> LLMReply:
        """A reply, continued if it was our own default bound on its length, and not the spec's, that cut it off."""
        reply = await self._request(self._messages, may_call_tools=may_call_tools, purpose=purpose)
        for _ in range(MAX_CONTINUATIONS):
            was_cut = reply.finish_reason == "length" and reply.text and not reply.tool_calls
            if not was_cut or self.calls.agent.llm.max_tokens is not None:
                break
            messages = [*self._messages, assistant_message(reply), user_message(CONTINUE)]
            more = await self._request(messages, may_call_tools=False, purpose=purpose)
            # A turn that was put together is no provider's own.
            reply = replace(more, text=reply.text + more.text, tool_calls=(), own_fields="")
        else:
            if reply.finish_reason == "length" and reply.text and not reply.tool_calls:
                reply = replace(reply, text=f"{reply.text}\n{ENDLESS_ANSWER}")
        return reply

    async def _request(self, messages: list[Message], *, may_call_tools: bool, purpose: Purpose | None) -> LLMReply:
        shortenings = 0
        while True:
            try:
                reply = await self.calls.ask(
                    messages,
                    tools=self._tools,
                    may_call_tools=may_call_tools,
                    response_schema=self._schema,
                    purpose=purpose,
                )
                self.answered_at = (self.calls.branch, self.calls.last_step)
                return reply
            except ContextTooLong as too_long:
                if not self.calls.agent.respect_context_window or shortenings == MAX_SHORTENINGS:
                    raise
                shortenings += 1
                beyond_conversation = messages[len(self._messages) :]
                await self._make_room(too_long)
                messages = [*self._messages, *beyond_conversation]

    async def _make_room(self, too_long: ContextTooLong) -> None:
        """Shortens context and tool results, the longest first. Raises ``too_long`` if there is nothing to shorten."""
        texts = [LongText(output, ("context", index)) for index, (_, output) in enumerate(self._context)]
        texts += [
            LongText(str(message["content"]), ("message", index))
            for index, message in enumerate(self._messages)
            if index > BRIEF_INDEX and str(message["content"]).startswith(f"<{TOOL_OUTPUT}>")
        ]
        summaries = await shorten(self.calls, self._messages, texts, too_long)
        for (kind, index), text in summaries.items():
            if kind == "context":
                self._context[index] = (self._context[index][0], text)
            else:
                self._messages[index] = {**self._messages[index], "content": fenced(TOOL_OUTPUT, text)}
        self._messages[BRIEF_INDEX] = self._write_brief(self._context, self._schema_in_words)

    async def _use_tools(self, reply: LLMReply) -> str | None:
        """Makes all tool calls of one reply at once. Returns the conversation's answer if a result ends it, else None.

        The steps are numbered first, in the reply's order, so that a replay finds them.
        """
        numbered = [
            (call, self.calls.next_step(), "" if count <= MAX_CALLS_IN_ONE_REPLY else TOO_MANY_CALLS)
            for count, call in enumerate(reply.tool_calls, 1)
        ]
        results = await all_of(
            use_tool(self.calls, call, self._toolbox, step=step, refusal=refusal) for call, step, refusal in numbered
        )
        answered = [(call, result, step) for (call, step, _), result in zip(numbered, results, strict=True)]
        messages = [tool_message(call.id, result.text) for call, result, _ in answered]
        self._messages.extend([results_message(messages)] if self._tools_in_words else messages)
        answers = [self._watch(*one) for one in answered] if self._watch else []
        return next((answer for answer in answers if answer is not None), None)


def _call_key(call: ToolCall) -> str:
    """The same for calls of one tool with the same arguments, however the model wrote them."""
    try:
        return content_key(call.name, read_json(call.arguments or "{}"))
    except ValueError:
        return content_key(call.name, call.arguments)


def task_brief(task: TaskSpec) -> WriteBrief:
    """The brief for an agent that does the task itself."""
    return lambda context, schema_in_words: task_message(task, context, schema_in_words=schema_in_words)
