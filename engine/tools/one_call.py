"""One call of a tool: reads and checks its arguments, and turns whatever the tool raises into its failure."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from engine.bounded import Effort
from engine.errors import Cancelled, EngineError, LimitReached, ModelMistake, TooMuchWork
from engine.providers.llm import ToolCall
from engine.spec.json_schema import misfit
from engine.text import read_json
from engine.tools.tool import Tool, ToolFailed

log = logging.getLogger(__name__)


async def arguments_of(call: ToolCall, tool: Tool, effort: Effort) -> dict[str, Any]:
    """The call's arguments, which fit the tool's parameters. Raises ``ModelMistake`` that says what is wrong."""
    try:
        arguments = read_json(call.arguments or "{}")
    except ValueError as error:
        raise ModelMistake(f"The arguments are not JSON: {error}. Call the tool again.") from error
    if not isinstance(arguments, dict):
        raise ModelMistake("The arguments must be a JSON object. Call the tool again.")
    try:
        fault = await misfit(arguments, tool.facts.parameters, effort)
    except TooMuchWork as error:  # the schema may be a stranger's: the tool is of no use here, and the task goes on
        raise ModelMistake(f"The arguments could not be checked. {error}") from error
    if fault:
        raise ModelMistake(f"The arguments do not fit: {fault}. Call the tool again.")
    return arguments


def request_of(tool: Tool, arguments: dict[str, Any]) -> str:
    """What a person has to allow before the call, or "". Raises ``ToolFailed`` for a call that could only fail."""
    try:
        return tool.facts.request(arguments)
    except (ToolFailed, LimitReached, Cancelled):
        raise
    except EngineError as error:
        raise ToolFailed(str(error)) from error


async def result_of(tool: Tool, arguments: dict[str, Any]) -> str:
    """The tool's text. Whatever the tool raises becomes ``ToolFailed``: the model is told, and the run goes on.

    An unexpected error is logged with its traceback, since the tool may be one of ours.
    """
    try:
        text = await tool.run(arguments)
        return text if isinstance(text, str) else str(text)
    except (ToolFailed, ModelMistake, LimitReached, Cancelled):
        raise
    except EngineError as error:
        raise ToolFailed(str(error)) from error
    except (KeyboardInterrupt, GeneratorExit):
        raise
    except asyncio.CancelledError as error:
        task = asyncio.current_task()
        if task is None or task.cancelling():
            raise
        raise ToolFailed("The tool failed: it cancelled itself.") from error
    except BaseException as error:  # a tool may be anybody's code: not even its SystemExit may end this process
        log.warning("The tool %s failed.", tool.facts.name, exc_info=True)
        raise ToolFailed(f"The tool failed: {type(error).__name__}: {str(error)[:500]}") from error
