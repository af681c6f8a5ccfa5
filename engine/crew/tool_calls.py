"""One agent's tool calls for one task: replay, arguments, the cache of results, and what the model is told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from engine.crew.booking import booked
from engine.crew.model_calls import Calls
from engine.crew.prompt import cut
from engine.errors import ModelMistake, WaitingForPerson
from engine.providers.llm import ToolCall
from engine.providers.replies.calls_in_text import UNREADABLE
from engine.record.journal import CallIntent, CallKind, CallOutcome, CallStatus, LostCall
from engine.record.request_key import content_key
from engine.spec.tool_settings import TTL_SETTING
from engine.text import storable
from engine.tools.one_call import arguments_of, request_of, result_of
from engine.tools.registry import Toolbox
from engine.tools.tool import Effect, NestedTool, Tool, ToolFailed

LOST_QUESTION = "The worker stopped while it called {tool} with {arguments}. Was the call carried out?"
NOT_ALLOWED = "A person did not allow this call: {reason} Do not make it again unchanged."
CARRIED_OUT = (
    "The connection was lost during this call, and with it the result. A person has checked that the call was carried "
    "out: do not repeat it."
)


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What the model is told. ``failed``: its call was wrong, or the tool could not do it."""

    text: str
    failed: bool = False


class NotAllowed(ToolFailed):
    """A person did not allow the call."""

    code = "not_allowed"


async def use_tool(calls: Calls, call: ToolCall, toolbox: Toolbox, *, step: int, refusal: str = "") -> ToolResult:
    """The tool's text, or what was wrong. With a ``refusal`` the tool is not called, and the model is told that.

    Raises what ends the run: limits, cancellation, our bugs. Raises ``WaitingForPerson`` for a call that a person has
    to allow, until they have said, and for a call of an unsafe tool that may have been carried out before.
    """
    recorded = await calls.runtime.journal.finished_call(calls.task, step, branch=calls.branch)
    if recorded is not None and recorded.outcome.tool_output is not None:
        return ToolResult(recorded.outcome.tool_output, failed=recorded.outcome.status is CallStatus.ERROR)
    lost = await calls.runtime.journal.lost_call(calls.task, step, branch=calls.branch)
    if lost is not None and lost.happened is None:
        raise WaitingForPerson(LOST_QUESTION.format(tool=call.name, arguments=call.arguments))
    if lost is not None and lost.happened:
        return ToolResult(_lost_text(lost))
    prepared = ModelMistake(refusal) if refusal else await _prepare(calls, call, toolbox)
    ready = await _allowed(calls, prepared, step) if isinstance(prepared, _PreparedCall) else prepared
    async with booked(calls.runtime, _intent(calls, call, ready, step)) as booking:
        try:
            if not isinstance(ready, _PreparedCall):
                raise ready
            booking.outcome = await _run(calls, ready, step)
        except (ModelMistake, ToolFailed) as error:
            text = _bounded(f"Error: {error}")
            booking.outcome = CallOutcome(
                CallStatus.ERROR, tool_output=text, error=text.removeprefix("Error: "), error_code=error.code
            )
            return ToolResult(text, failed=True)
    return ToolResult(booking.outcome.tool_output or "")


def _lost_text(lost: LostCall) -> str:
    comment = lost.comment.strip()
    return f"{CARRIED_OUT} They say: {comment}" if comment else CARRIED_OUT


@dataclass(frozen=True, slots=True)
class _PreparedCall:
    """A tool call that can be made. ``key`` is the same for equal calls, "" if the result is not to be reused.

    ``ttl_s``: for how many seconds the result is reused across runs; None for within the run only.
    """

    tool: Tool
    arguments: dict[str, Any]
    key: str
    ttl_s: float | None


async def _prepare(calls: Calls, call: ToolCall, toolbox: Toolbox) -> _PreparedCall | ModelMistake:
    if call.name == UNREADABLE:
        return ModelMistake('The call is not readable. Write one JSON object: {"name": "...", "arguments": {...}}.')
    tool, spec = toolbox.get(call.name, (None, None))
    if tool is None or spec is None:
        return ModelMistake(f"There is no tool {call.name[:80]!r}. You have: {', '.join(toolbox) or 'none'}.")
    try:
        arguments = await arguments_of(call, tool, calls.effort)
    except ModelMistake as mistake:
        return mistake
    facts = tool.facts
    if not (calls.use_cache and calls.agent.cache and facts.cacheable):
        return _PreparedCall(tool, arguments, "", None)
    ttl_s = spec.config.get(TTL_SETTING, facts.ttl_s)
    settings = {name: value for name, value in spec.config.items() if name != TTL_SETTING}
    simulated = calls.runtime.llm.simulates(calls.agent.llm)
    return _PreparedCall(tool, arguments, content_key("tool", simulated, facts.identity, settings, arguments), ttl_s)


async def _allowed(calls: Calls, prepared: _PreparedCall, step: int) -> _PreparedCall | ToolFailed:
    """The call, if no person has to allow it or one has; else why it is not made. A simulated one asks nobody."""
    if calls.runtime.llm.simulates(calls.agent.llm):
        return prepared
    try:
        request = storable(request_of(prepared.tool, prepared.arguments))
    except ToolFailed as failed:
        return failed
    if not request:
        return prepared
    verdict = await calls.runtime.journal.permission(calls.task, request, step, branch=calls.branch)
    if verdict is None:
        raise WaitingForPerson(request)
    if verdict.approved:
        return prepared
    return NotAllowed(NOT_ALLOWED.format(reason=verdict.comment.strip() or "no reason was given."))


def _intent(calls: Calls, call: ToolCall, prepared: _PreparedCall | ModelMistake | ToolFailed, step: int) -> CallIntent:
    ready = prepared if isinstance(prepared, _PreparedCall) else None
    return CallIntent(
        task=calls.task,
        agent=calls.agent.key,
        branch=calls.branch,
        step=step,
        attempt=1,
        kind=CallKind.TOOL,
        purpose=calls.purpose,
        tool=call.name[:64],
        arguments=call.arguments,
        effect=ready.tool.facts.effect if ready else Effect.PURE,
        simulated=calls.runtime.llm.simulates(calls.agent.llm),
        cache_key=ready.key if ready and ready.ttl_s is not None else "",
    )


async def _run(calls: Calls, prepared: _PreparedCall, step: int) -> CallOutcome:
    tool, arguments = prepared.tool, prepared.arguments
    if isinstance(tool, NestedTool):
        return CallOutcome(CallStatus.OK, tool_output=await tool.run_with(calls, arguments, step=step))
    if not prepared.key:
        return CallOutcome(CallStatus.OK, tool_output=_bounded(await result_of(tool, arguments)))

    async def call_tool() -> tuple[str, bool]:
        text = await result_of(tool, arguments)
        return _bounded(text), tool.facts.worth_caching(arguments, text)

    cache = calls.runtime.tools.cache if prepared.ttl_s is None else calls.runtime.tool_results
    kept = await cache.get(
        prepared.key,
        make=call_tool,
        ttl_s=float("inf") if prepared.ttl_s is None else prepared.ttl_s,
        is_worth_keeping=lambda text_and_reusable: text_and_reusable[1],
    )
    age_s = kept.age_s if kept.reused else None
    text, reusable = kept.value
    return CallOutcome(CallStatus.OK, tool_output=text, cache_hit=kept.reused, cache_age_s=age_s, reusable=reusable)


def _bounded(text: str) -> str:
    """A tool's text as it is recorded and told to the model: limited in length, and storable."""
    return storable(cut(text))
