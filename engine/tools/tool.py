"""What a tool is to the engine: its name, the JSON Schema of its arguments, its effect on the world, and ``run``."""

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
    """What a tool call does to the world. It decides whether a call of unknown outcome may be repeated unasked."""

    PURE = "pure"
    IDEMPOTENT = "idempotent"
    UNSAFE = "unsafe"


class ToolFailed(EngineError):
    """The tool could not do it. The model is told the reason, and may find another way."""

    code = "tool_failed"


class Tool(Protocol):
    """A tool that agents call. ``run`` gets arguments that fit the facts' ``parameters``, and returns text.

    It may raise ``ToolFailed`` or another ``EngineError``; the model is told either.
    """

    @property
    def facts(self) -> ToolFacts: ...

    async def run(self, arguments: dict[str, Any]) -> str: ...


class ToolSource(ABC):
    """Several tools behind one connection, which stays open while they are used.

    A class to inherit and not a protocol, since a caller's own tool may happen to have a method ``open``.
    """

    @abstractmethod
    def open(self) -> AbstractAsyncContextManager[tuple[Tool, ...]]: ...


@runtime_checkable
class NestedTool(Protocol):
    """A tool that itself makes model calls. They are numbered in a branch below the tool call's ``step``."""

    async def run_with(self, calls: Any, arguments: dict[str, Any], *, step: int) -> str: ...


ToolFactory = Callable[[dict[str, Any]], "Tool | ToolSource"]
"""Makes a tool, or a source of several, from its settings."""


def always(arguments: dict[str, Any], text: str) -> bool:
    """For tools whose every result may be reused."""
    return True


def asks_nobody(arguments: dict[str, Any]) -> str:
    """For tools whose calls no person has to allow."""
    return ""


@dataclass(frozen=True, slots=True)
class ToolFacts:
    """What the model is told of a tool, and what the engine must know of it.

    ``parameters`` is the JSON Schema of an object. ``cacheable``: within a run the same arguments give the same text.
    ``ttl_s``: for how many seconds they do so across runs too, None if not at all. ``worth_caching(arguments, text)``
    decides about each result. ``request(arguments)`` is what a person has to allow before the call, written out for
    them to read, or "" if nobody is asked; it may raise what ``run`` may.
    """

    name: str
    description: str
    parameters: dict[str, Any] = field(default_factory=lambda: {"type": "object", "properties": {}})
    original_name: str = ""
    """Its name where it comes from, if that differs."""
    effect: Effect = Effect.PURE
    cacheable: bool = True
    ttl_s: float | None = None
    worth_caching: Callable[[dict[str, Any], str], bool] = always
    request: Callable[[dict[str, Any]], str] = asks_nobody

    @property
    def identity(self) -> str:
        """Names the tool whatever other tools the agent has: ``name`` may carry a number to tell it from them."""
        return self.original_name or self.name

    def for_model(self) -> dict[str, Any]:
        """The tool in OpenAI's function-calling shape."""
        function = {"name": self.name, "description": self.description, "parameters": self.parameters}
        return {"type": "function", "function": function}


def text_arguments(**descriptions: str) -> dict[str, Any]:
    """The schema of an object whose fields are all texts and required; each comes with its description."""
    return {
        "type": "object",
        "properties": {name: {"type": "string", "description": text} for name, text in descriptions.items()},
        "required": list(descriptions),
        "additionalProperties": False,
    }


def tool_name(name: str) -> str:
    """The name in the form that models may call: letters, digits, ``_`` and ``-``, at most 64."""
    return re.sub(r"[^A-Za-z0-9_-]+", "_", name.strip()).strip("_")[:64] or "tool"
