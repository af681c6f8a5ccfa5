"""``LLM``, ``Agent``, ``Task``, ``Process`` and tools under CrewAI's names. Each makes a spec of the engine.

They hold no state of a run, so one agent may be in several crews and runs at once.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from pydantic import BaseModel

from engine.catalogue.model_ids import STATES_ITS_COST, provider_of
from engine.crewai.own_tools import BaseTool
from engine.crewai.texts import from_crewai
from engine.providers.credential import Credential
from engine.spec.crew_spec import DEFAULT_MODEL, AgentSpec, LLMSpec, QuestionGuardrail, TaskSpec, ToolSpec


class Process(StrEnum):
    sequential = "sequential"
    parallel = "parallel"
    hierarchical = "hierarchical"


class LLM:
    """A model and how to ask it. ``options`` are the fields of ``LLMSpec``, and CrewAI's ``timeout`` in seconds."""

    def __init__(
        self,
        model: str = DEFAULT_MODEL,
        *,
        api_key: str = "",
        base_url: str | None = None,
        api_version: str = "",
        **options: Any,
    ) -> None:
        if "timeout" in options:
            options["timeout_s"] = options.pop("timeout")
        if isinstance(options.get("stop"), str):
            options["stop"] = (options["stop"],)
        states_its_cost = provider_of(model) in STATES_ITS_COST
        given = Credential(api_key, base_url, api_version, books_stated=states_its_cost)
        self.credential = given if api_key or base_url else None
        if self.credential is not None:
            options["credential"] = f"own-{id(self):x}"
        self.spec = LLMSpec(model=model, **options)


@dataclass(frozen=True, eq=False)
class SerperDevTool:
    """Web search. Without ``api_key`` the key is that of the environment variable ``SERPER_API_KEY``."""

    api_key: str | None = None
    base_url: str | None = None
    n_results: int | None = None


@dataclass(frozen=True, eq=False)
class ScrapeWebsiteTool:
    """Reads a web page: ``website_url``, or without it the one that the model names."""

    website_url: str = ""


class Agent:
    """Who does the work. ``options`` are the fields of ``AgentSpec``, and CrewAI's ``max_execution_time`` in seconds.

    ``verbose``: what the agent does is printed, also if the crew is not verbose.
    """

    def __init__(
        self, *, role: str, goal: str = "", backstory: str = "", llm: LLM | str | None = None, **options: Any
    ) -> None:
        self.verbose = bool(options.pop("verbose", False))
        self.llm = llm if isinstance(llm, LLM) else LLM(llm or os.environ.get("OPENAI_MODEL_NAME") or DEFAULT_MODEL)
        self.tools: tuple[Any, ...] = tuple(options.pop("tools", None) or ())
        if "max_execution_time" in options:
            options["max_execution_time_s"] = options.pop("max_execution_time")
        self.role = role
        texts = {"role": role, "goal": goal, "backstory": backstory}
        self._fields = {**{name: from_crewai(text) for name, text in texts.items()}, **options}
        self.spec("agent")  # so that a wrong argument is refused here, where it was written

    def spec(self, key: str) -> AgentSpec:
        return AgentSpec(key=key, llm=self.llm.spec, tools=tuple(map(tool_spec, self.tools)), **self._fields)


class Task:
    """One assignment. ``context`` are tasks; ``output_pydantic`` and ``output_json`` are pydantic models.

    A ``guardrail`` is a text, which is a question that a model answers, or a guardrail of ``engine.spec.crew_spec``.
    The other options are the fields of ``TaskSpec``.
    """

    def __init__(
        self,
        *,
        description: str,
        expected_output: str = "",
        agent: Agent | None = None,
        context: Sequence[Task] | None = None,
        **options: Any,
    ) -> None:
        self.agent = agent
        self.context = None if context is None else tuple(context)
        self.output_pydantic: type[BaseModel] | None = options.pop("output_pydantic", None)
        self.output_json: type[BaseModel] | None = options.pop("output_json", None)
        self.tools = options.pop("tools", None)
        schema = self.output_pydantic or self.output_json
        if schema is not None:
            options.setdefault("output_schema", schema.model_json_schema())
        guardrails = options.pop("guardrails", None) or ()
        guardrail = options.pop("guardrail", None)
        options["guardrails"] = tuple(
            map(_guardrail, (*guardrails, guardrail) if guardrail is not None else guardrails)
        )
        self.name: str = options.pop("name", None) or ""
        texts = {"description": description, "expected_output": expected_output}
        self._fields = {**{name: from_crewai(text) for name, text in texts.items()}, **options}
        self.spec("task", agents={}, tasks={})  # as for an agent

    def spec(self, key: str, *, agents: Mapping[int, str], tasks: Mapping[int, str]) -> TaskSpec:
        """The task's spec. ``agents`` and ``tasks``: keys by ``id()``. A task of another crew is named as such."""
        context = (
            None if self.context is None else tuple(tasks.get(id(task), "not_in_this_crew") for task in self.context)
        )
        tools = None if self.tools is None else tuple(map(tool_spec, self.tools))
        return TaskSpec(
            key=key, name=self.name, agent=agents.get(id(self.agent)), context=context, tools=tools, **self._fields
        )


def tool_spec(tool: Any) -> ToolSpec:
    """The spec of a tool. Raises ``TypeError`` if the object is no tool."""
    if isinstance(tool, SerperDevTool):
        return ToolSpec(name="web_search", config={} if tool.n_results is None else {"n_results": tool.n_results})
    if isinstance(tool, ScrapeWebsiteTool):
        return ToolSpec(name="scrape_website", config={"website_url": tool.website_url} if tool.website_url else {})
    if isinstance(tool, BaseTool):
        return ToolSpec(name=tool.facts.name)
    if isinstance(tool, (str, ToolSpec)):
        return ToolSpec(name=tool) if isinstance(tool, str) else tool
    raise TypeError(
        f"{tool!r} is not a tool. Use SerperDevTool(), ScrapeWebsiteTool(), @tool functions or BaseTool objects."
    )


def llm_of(llm: LLM | str | None) -> LLM | None:
    """The model as an ``LLM``, where it may be given by its name alone. None stays None."""
    return llm if isinstance(llm, LLM) or llm is None else LLM(llm)


def _guardrail(guardrail: Any) -> Any:
    if isinstance(guardrail, str):
        return QuestionGuardrail(question=guardrail)
    if callable(guardrail):
        raise TypeError(
            "A guardrail is a question for a model, as a text, or a guardrail of engine.spec.crew_spec. "
            "Functions cannot be kept in a crew's definition; check the answer with a schema, a length or a pattern, "
            "or after the kickoff."
        )
    return guardrail
