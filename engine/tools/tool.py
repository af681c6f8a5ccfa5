"""What a tool is to the engine: a name, a JSON Schema of its arguments, what it does to the world, and ``run``."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol, runtime_checkable

from engine.errors import EngineError


class Effect(StrEnum):
    """What a tool call does to the world: whether a call of unknown outcome may be repeated by itself."""

    PURE = "pure"
    IDEMPOTENT = "idempotent"
    UNSAFE = "unsafe"


class ToolFailed(EngineError):
    """The tool could not do it, for a reason that the model is told and may work around."""

    code = "tool_failed"


class Tool(Protocol):
    """Called by agents. ``run`` gets arguments that fit ``parameters`` and returns text.

    It raises ``ToolFailed``, or another ``EngineError``, which the model is told just the same.
    """

    @property
    def facts(self) -> ToolFacts: ...

    async def run(self, arguments: dict[str, Any]) -> str: ...


class ToolSource(ABC):
    """Several tools behind one connection, which is open as long as they are used.

    A class to inherit, since a tool of the caller's own may happen to have an ``open`` too.
    """

    @abstractmethod
    def open(self) -> AbstractAsyncContextManager[tuple[Tool, ...]]: ...


@runtime_checkable
class NestedTool(Protocol):
    """A tool that makes model calls of its own, in a line of calls below the tool call's step."""

    async def run_with(self, calls: Any, arguments: dict[str, Any], *, step: int) -> str: ...


ToolFactory = Callable[[dict[str, Any]], "Tool | ToolSource"]
"""From a tool's settings to the tool, or to a source of several."""


def always(arguments: dict[str, Any], text: str) -> bool:
    """Every result is worth keeping."""
    return True


@dataclass(frozen=True, slots=True)
class ToolFacts:
    """What the model is told of a tool, and what the engine must know of it.

    ``parameters`` is the JSON Schema of an object. ``cacheable``: the same arguments give the same text within a run;
    ``ttl_s``: for so many seconds they do across runs too, None if not. ``worth_caching`` is asked about each result.
    """

    name: str
    description: str
    parameters: dict[str, Any] = field(default_factory=lambda: {"type": "object", "properties": {}})
    original_name: str = ""
    """What it is called where it comes from, if that is something else."""
    effect: Effect = Effect.PURE
    cacheable: bool = True
    ttl_s: float | None = None
    worth_caching: Callable[[dict[str, Any], str], bool] = always

    @property
    def identity(self) -> str:
        """The same for the same tool, whatever else the agent has."""
        return self.original_name or self.name

    def for_model(self) -> dict[str, Any]:
        """The tool in OpenAI's function-calling shape."""
        function = {"name": self.name, "description": self.description, "parameters": self.parameters}
        return {"type": "function", "function": function}


def text_arguments(**descriptions: str) -> dict[str, Any]:
    """The schema of an object whose fields are required texts, each with its description."""
    return {
        "type": "object",
        "properties": {name: {"type": "string", "description": text} for name, text in descriptions.items()},
        "required": list(descriptions),
        "additionalProperties": False,
    }


def tool_name(name: str) -> str:
    """A name that models may call: letters, digits, ``_`` and ``-``."""
    return re.sub(r"[^A-Za-z0-9_-]+", "_", name.strip()).strip("_")[:64] or "tool"
