"""One call of a tool: its arguments read and checked, and code that is not ours kept from failing as if it were."""

from __future__ import annotations

import json
from typing import Any

from engine.errors import EngineError, ModelMistake
from engine.json_schema import misfit
from engine.llm import ToolCall
from engine.tools.protocol import Tool, ToolFailed


def arguments_of(call: ToolCall, tool: Tool) -> dict[str, Any]:
    """Raises ``ModelMistake`` with what is wrong with the arguments."""
    try:
        arguments = json.loads(call.arguments or "{}")
    except (ValueError, RecursionError) as error:
        raise ModelMistake(f"The arguments are not JSON: {error}. Call the tool again.") from error
    if not isinstance(arguments, dict):
        raise ModelMistake("The arguments must be a JSON object. Call the tool again.")
    if fault := misfit(arguments, tool.facts.parameters):
        raise ModelMistake(f"The arguments do not fit: {fault}. Call the tool again.")
    return arguments


async def result_of(tool: Tool, arguments: dict[str, Any]) -> tuple[str, bool]:
    """The tool's text and whether it is worth keeping.

    Whatever the tool raises is the tool's failure (``ToolFailed``), told to the model, and not our bug.
    """
    try:
        text = await tool.run(arguments)
        return str(text), tool.facts.cacheable and tool.facts.worth_caching(arguments, text)
    except EngineError:
        raise
    except Exception as error:
        raise ToolFailed(f"The tool failed: {type(error).__name__}: {str(error)[:500]}") from error
