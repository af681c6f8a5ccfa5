"""Functions of the caller's own program as tools: CrewAI's ``@tool`` and ``BaseTool``."""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import Callable
from typing import Any, ClassVar, get_type_hints

from pydantic import BaseModel, Field, create_model

from engine.tools.tool import Effect, ToolFacts, always, tool_name

log = logging.getLogger(__name__)


class _ToolText(str):
    """A result as the model is told it. ``raw``: what the tool returned, for ``cache_function`` to judge."""

    raw: Any


class BaseTool(BaseModel):
    """To be subclassed with ``name``, ``description`` and ``_run``. Its arguments are ``args_schema``'s or ``_run``'s.

    ``cache``: False if no result may be reused. ``cache_ttl_s``: for how many seconds results are reused across runs.
    ``cache_function(arguments, result)`` is CrewAI's: whether this result may be reused.
    """

    name: str
    description: str = ""
    args_schema: type[BaseModel] | None = None
    cache: bool = True
    cache_ttl_s: float | None = Field(default=None, gt=0)
    cache_function: Callable[..., bool] = always
    effect: ClassVar[Effect] = Effect.IDEMPOTENT

    def _run(self, *args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError("A tool needs _run(...).")

    @property
    def facts(self) -> ToolFacts:
        arguments = self.args_schema or _arguments_of(self._run)
        schema = arguments.model_json_schema()
        schema.pop("title", None)
        return ToolFacts(
            name=tool_name(self.name),
            description=self.description,
            parameters=schema,
            effect=self.effect,
            cacheable=self.cache,
            ttl_s=self.cache_ttl_s,
            worth_caching=self._worth_caching,
        )

    async def run(self, arguments: dict[str, Any]) -> str:
        """Calls ``_run``. A plain function runs on a thread, so that it blocks no other run."""
        if inspect.iscoroutinefunction(self._run):
            return _text(await self._run(**arguments))
        result = await asyncio.to_thread(self._run_in_thread, arguments)
        return _text(await result if inspect.isawaitable(result) else result)

    def _run_in_thread(self, arguments: dict[str, Any]) -> Any:
        try:
            return self._run(**arguments)
        except (StopIteration, GeneratorExit, asyncio.CancelledError) as error:
            # A future refuses StopIteration, so its waiter would wait for ever. To a loop the others mean other things.
            raise RuntimeError(type(error).__name__) from error

    def _worth_caching(self, arguments: dict[str, Any], text: str) -> bool:
        try:
            return bool(self.cache_function(arguments, getattr(text, "raw", text)))
        except Exception:  # the function is the caller's and may raise anything
            log.warning("The cache_function of %s failed; the result is not reused.", self.name, exc_info=True)
            return False


class _FunctionTool(BaseTool):
    function: Callable[..., Any]

    def _run(self, *args: Any, **kwargs: Any) -> Any:
        return self.function(*args, **kwargs)


def tool(name: str | Callable[..., Any], **options: Any) -> Any:
    """Makes a tool of a function: ``@tool`` or ``@tool("Name")``. Its docstring and types are what the model is told.

    ``options`` are the fields of ``BaseTool``, such as ``cache=False``.
    """
    if callable(name):
        return _from_function(name, name.__name__, options)
    return lambda function: _from_function(function, name, options)


def _text(result: Any) -> str:
    text = _ToolText(result)
    text.raw = result
    return text


def _from_function(function: Callable[..., Any], name: str, options: dict[str, Any]) -> _FunctionTool:
    if not (function.__doc__ or "").strip():
        raise ValueError(f"The tool {name!r} needs a docstring: it is what the model is told of it.")
    description = inspect.cleandoc(function.__doc__ or "")
    fields: dict[str, Any] = {"name": name, "description": description, "args_schema": _arguments_of(function)}
    return _FunctionTool(function=function, **(fields | options))


def _arguments_of(function: Callable[..., Any]) -> type[BaseModel]:
    """A model of the function's named parameters; those without a type are texts."""
    hints = get_type_hints(function)
    fields: dict[str, Any] = {}
    for name, parameter in inspect.signature(function).parameters.items():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            continue
        default = ... if parameter.default is parameter.empty else parameter.default
        fields[name] = (hints.get(name, str), default)
    return create_model("Arguments", **fields)
