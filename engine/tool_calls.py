"""Tool calls of one agent at one task: replay, checked arguments, the cache of results, and what the model is told."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from engine.booking import Booking, booked
from engine.calls import Calls
from engine.errors import Cancelled, EngineError, LimitReached, ModelMistake
from engine.journal import CallIntent, CallKind, CallOutcome, CallStatus, Effect
from engine.json_schema import misfit
from engine.llm import ToolCall
from engine.request_key import content_key
from engine.spec import ToolSpec
from engine.tools.protocol import NestedTool, Tool, ToolFailed

Toolbox = dict[str, tuple[Tool, ToolSpec]]


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What the model is told after its tool call; ``failed`` if the call was wrong or the tool could not do it."""

    text: str
    failed: bool = False


async def use_tool(calls: Calls, call: ToolCall, toolbox: Toolbox, *, step: int) -> ToolResult:
    """The tool's text, or what was wrong. Raises what ends the run: limits, cancellation, our bugs."""
    recorded = await calls.runtime.journal.finished_call(calls.task, step, branch=calls.branch)
    if recorded is not None and recorded.outcome.tool_output is not None:
        return ToolResult(recorded.outcome.tool_output, failed=recorded.outcome.status is CallStatus.ERROR)
    tool, spec = toolbox.get(call.name, (None, None))
    async with booked(calls.runtime, _intent(calls, call, tool, step)) as booking:
        try:
            if tool is None or spec is None:
                raise ModelMistake(f"There is no tool {call.name!r}. You have: {', '.join(toolbox) or 'none'}.")
            text = await _run(calls, tool, spec, _arguments(call, tool), booking, step)
        except (ModelMistake, ToolFailed) as error:
            text = f"Error: {error}"
            booking.outcome = CallOutcome(CallStatus.ERROR, tool_output=text, error=str(error), error_code=error.code)
            return ToolResult(text, failed=True)
    return ToolResult(text)


def _intent(calls: Calls, call: ToolCall, tool: Tool | None, step: int) -> CallIntent:
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
        effect=tool.facts.effect if tool else Effect.PURE,
    )


async def _run(calls: Calls, tool: Tool, spec: ToolSpec, arguments: dict[str, Any], booking: Booking, step: int) -> str:
    if isinstance(tool, NestedTool):
        text = await tool.run_with(calls, arguments, step=step)
        booking.outcome = CallOutcome(CallStatus.OK, tool_output=text)
        return text
    if not (calls.use_cache and calls.agent.cache and tool.facts.cacheable):
        text = await _foreign(tool, arguments)
        booking.outcome = CallOutcome(CallStatus.OK, tool_output=text)
        return text
    key = content_key("tool", tool.facts.name, spec.config, arguments)
    kept = await calls.runtime.tools.cache.get(key, make=lambda: _foreign(tool, arguments))
    booking.outcome = CallOutcome(
        CallStatus.OK,
        tool_output=kept.value,
        cache_hit=kept.reused,
        cache_age_s=kept.age_s if kept.reused else None,
    )
    return str(kept.value)


def _arguments(call: ToolCall, tool: Tool) -> dict[str, Any]:
    try:
        arguments = json.loads(call.arguments or "{}")
    except (ValueError, RecursionError) as error:
        raise ModelMistake(f"The arguments are not JSON: {error}. Call the tool again.") from error
    if not isinstance(arguments, dict):
        raise ModelMistake("The arguments must be a JSON object. Call the tool again.")
    if fault := misfit(arguments, tool.facts.parameters):
        raise ModelMistake(f"The arguments do not fit: {fault}. Call the tool again.")
    return arguments


async def _foreign(tool: Tool, arguments: dict[str, Any]) -> str:
    """Runs code that is not ours: whatever it raises is the tool's failure, told to the model, and not our bug."""
    try:
        return str(await tool.run(arguments))
    except (ToolFailed, LimitReached, Cancelled):
        raise
    except EngineError as error:
        raise ToolFailed(str(error)) from error
    except Exception as error:
        raise ToolFailed(f"The tool failed: {type(error).__name__}: {str(error)[:500]}") from error
