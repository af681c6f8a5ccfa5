"""One call of a tool: its arguments read and checked, and code that is not ours kept from failing as if it were."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from engine.errors import Cancelled, EngineError, LimitReached, ModelMistake
from engine.providers.llm import ToolCall
from engine.spec.json_schema import misfit
from engine.text import read_json
from engine.tools.tool import Tool, ToolFailed

log = logging.getLogger(__name__)


def arguments_of(call: ToolCall, tool: Tool) -> dict[str, Any]:
    """Raises ``ModelMistake`` with what is wrong with the arguments."""
    try:
        arguments = read_json(call.arguments or "{}")
    except ValueError as error:
        raise ModelMistake(f"The arguments are not JSON: {error}. Call the tool again.") from error
    if not isinstance(arguments, dict):
        raise ModelMistake("The arguments must be a JSON object. Call the tool again.")
    if fault := misfit(arguments, tool.facts.parameters):
        raise ModelMistake(f"The arguments do not fit: {fault}. Call the tool again.")
    return arguments


async def result_of(tool: Tool, arguments: dict[str, Any]) -> str:
    """The tool's text. Whatever it raises is its failure (``ToolFailed``), told to the model, and not our bug.

    The traceback is in the log, since the tool may be one of ours.
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
    except BaseException as error:  # also SystemExit: a tool must not end the process that runs it
        log.warning("The tool %s failed.", tool.facts.name, exc_info=True)
        raise ToolFailed(f"The tool failed: {type(error).__name__}: {str(error)[:500]}") from error
