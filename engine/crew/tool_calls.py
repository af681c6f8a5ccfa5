"""Tool calls of one agent at one task: replay, checked arguments, the cache of results, and what the model is told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from engine.crew.booking import booked
from engine.crew.model_calls import Calls
from engine.crew.prompt import cut
from engine.crew.tool_text import UNREADABLE
from engine.errors import ModelMistake, WaitingForPerson
from engine.providers.llm import ToolCall
from engine.record.journal import CallIntent, CallKind, CallOutcome, CallStatus, LostCall
from engine.record.request_key import content_key
from engine.spec.tool_settings import TTL_SETTING
from engine.text import storable
from engine.tools.calling import arguments_of, result_of
from engine.tools.registry import Toolbox
from engine.tools.tool import Effect, NestedTool, Tool, ToolFailed

LOST_QUESTION = "The worker stopped while it called {tool} with {arguments}. Was the call carried out?"
CARRIED_OUT = (
    "The connection was lost during this call, and with it the result. A person has checked that the call was carried "
    "out: do not repeat it."
)


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What the model is told after its tool call; ``failed`` if the call was wrong or the tool could not do it."""

    text: str
    failed: bool = False


async def use_tool(calls: Calls, call: ToolCall, toolbox: Toolbox, *, step: int, refusal: str = "") -> ToolResult:
    """The tool's text, or what was wrong, such as a ``refusal``. Raises what ends the run: limits, cancellation, our
    bugs.

    A call that may have been carried out already, and must not be repeated by itself, raises ``WaitingForPerson`` until
    a person has said whether it was.
    """
    recorded = await calls.runtime.journal.finished_call(calls.task, step, branch=calls.branch)
    if recorded is not None and recorded.outcome.tool_output is not None:
        return ToolResult(recorded.outcome.tool_output, failed=recorded.outcome.status is CallStatus.ERROR)
    lost = await calls.runtime.journal.lost_call(calls.task, step, branch=calls.branch)
    if lost is not None and lost.happened is None:
        raise WaitingForPerson(LOST_QUESTION.format(tool=call.name, arguments=call.arguments))
    if lost is not None and lost.happened:
        return ToolResult(_lost_text(lost))
    ready = ModelMistake(refusal) if refusal else _prepared(calls, call, toolbox)
    async with booked(calls.runtime, _intent(calls, call, ready, step)) as booking:
        try:
            if isinstance(ready, ModelMistake):
                raise ready
            booking.outcome = await _run(calls, ready, step)
        except (ModelMistake, ToolFailed) as error:
            text = _told(f"Error: {error}")
            booking.outcome = CallOutcome(
                CallStatus.ERROR, tool_output=text, error=text.removeprefix("Error: "), error_code=error.code
            )
            return ToolResult(text, failed=True)
    return ToolResult(booking.outcome.tool_output or "")


def _lost_text(lost: LostCall) -> str:
    comment = lost.comment.strip()
    return f"{CARRIED_OUT} They say: {comment}" if comment else CARRIED_OUT


@dataclass(frozen=True, slots=True)
class _Ready:
    """A tool call that can be made. ``key`` tells equal calls, "" where results are not reused; ``ttl_s`` is for how
    long they are across runs, None within the run only.
    """

    tool: Tool
    arguments: dict[str, Any]
    key: str
    ttl_s: float | None


def _prepared(calls: Calls, call: ToolCall, toolbox: Toolbox) -> _Ready | ModelMistake:
    if call.name == UNREADABLE:
        return ModelMistake('The call is not readable. Write one JSON object: {"name": "...", "arguments": {...}}.')
    tool, spec = toolbox.get(call.name, (None, None))
    if tool is None or spec is None:
        return ModelMistake(f"There is no tool {call.name[:80]!r}. You have: {', '.join(toolbox) or 'none'}.")
    try:
        arguments = arguments_of(call, tool)
    except ModelMistake as mistake:
        return mistake
    facts = tool.facts
    if not (calls.use_cache and calls.agent.cache and facts.cacheable):
        return _Ready(tool, arguments, "", None)
    ttl_s = spec.config.get(TTL_SETTING, facts.ttl_s)
    settings = {name: value for name, value in spec.config.items() if name != TTL_SETTING}
    simulated = calls.runtime.llm.simulates(calls.agent.llm)
    return _Ready(tool, arguments, content_key("tool", simulated, facts.identity, settings, arguments), ttl_s)


def _intent(calls: Calls, call: ToolCall, ready: _Ready | ModelMistake, step: int) -> CallIntent:
    known = ready if isinstance(ready, _Ready) else None
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
        effect=known.tool.facts.effect if known else Effect.PURE,
        simulated=calls.runtime.llm.simulates(calls.agent.llm),
        cache_key=known.key if known and known.ttl_s is not None else "",
    )


async def _run(calls: Calls, ready: _Ready, step: int) -> CallOutcome:
    tool, arguments = ready.tool, ready.arguments
    if isinstance(tool, NestedTool):
        return CallOutcome(CallStatus.OK, tool_output=await tool.run_with(calls, arguments, step=step))
    if not ready.key:
        return CallOutcome(CallStatus.OK, tool_output=_told(await result_of(tool, arguments)))

    async def made() -> tuple[str, bool]:
        text = await result_of(tool, arguments)
        return _told(text), tool.facts.worth_caching(arguments, text)

    cache = calls.runtime.tools.cache if ready.ttl_s is None else calls.runtime.tool_results
    kept = await cache.get(
        ready.key,
        make=made,
        ttl_s=float("inf") if ready.ttl_s is None else ready.ttl_s,
        is_worth_keeping=lambda pair: pair[1],
    )
    age_s = kept.age_s if kept.reused else None
    text, reusable = kept.value
    return CallOutcome(CallStatus.OK, tool_output=text, cache_hit=kept.reused, cache_age_s=age_s, reusable=reusable)


def _told(text: str) -> str:
    """What is recorded of a tool's text, and told to the model: neither endless nor unfit to be stored or sent."""
    return storable(cut(text))
