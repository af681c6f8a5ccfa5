"""CrewAI's nouns as blueprints over the specs: ``LLM``, ``Agent``, ``Task``, ``Process``, and tools by its names.

They hold no state of a run, so one agent may be in many crews and runs at once.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from pydantic import BaseModel

from engine.crewai.own_tools import BaseTool
from engine.providers.credential import Credential
from engine.spec.crew_spec import DEFAULT_MODEL, AgentSpec, LLMSpec, QuestionGuardrail, TaskSpec, ToolSpec


class Process(StrEnum):
    sequential = "sequential"
    parallel = "parallel"
    hierarchical = "hierarchical"


class LLM:
    """A model and how to ask it; keyword arguments are ``LLMSpec``'s, besides ``api_key`` and ``base_url``."""

    def __init__(
        self, model: str = DEFAULT_MODEL, *, api_key: str = "", base_url: str | None = None, **options: Any
    ) -> None:
        if "timeout" in options:
            options["timeout_s"] = options.pop("timeout")
        if isinstance(options.get("stop"), str):
            options["stop"] = (options["stop"],)
        self.credential = Credential(api_key=api_key, base_url=base_url) if api_key or base_url else None
        if self.credential is not None:
            options["credential"] = f"own-{id(self):x}"
        self.spec = LLMSpec(model=model, **options)


@dataclass(frozen=True, eq=False)
class SerperDevTool:
    """Web search. Without ``api_key`` the environment's ``SERPER_API_KEY`` is used."""

    api_key: str | None = None
    base_url: str | None = None
    n_results: int | None = None


@dataclass(frozen=True, eq=False)
class ScrapeWebsiteTool:
    """Reads a web page; with ``website_url`` always that one."""

    website_url: str = ""


class Agent:
    """Who does the work. Keyword arguments are ``AgentSpec``'s; CrewAI's ``verbose`` is accepted."""

    def __init__(
        self, *, role: str, goal: str = "", backstory: str = "", llm: LLM | str | None = None, **options: Any
    ) -> None:
        options.pop("verbose", None)
        self.llm = llm if isinstance(llm, LLM) else LLM(llm or os.environ.get("OPENAI_MODEL_NAME") or DEFAULT_MODEL)
        self.tools: tuple[Any, ...] = tuple(options.pop("tools", None) or ())
        if "max_execution_time" in options:
            options["max_execution_time_s"] = options.pop("max_execution_time")
        self.role = role
        self._fields = {"role": role, "goal": goal, "backstory": backstory, **options}
        self.spec("agent")  # a wrong argument is refused here, where it was written

    def spec(self, key: str) -> AgentSpec:
        return AgentSpec(key=key, llm=self.llm.spec, tools=tuple(map(tool_spec, self.tools)), **self._fields)


class Task:
    """One assignment. ``context`` holds tasks; ``output_pydantic`` and ``output_json`` are pydantic models.

    A ``guardrail`` is a question that a model answers, as a text, or one of ``engine.spec.crew_spec``'s guardrails.
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
        rails = options.pop("guardrails", None) or ()
        rail = options.pop("guardrail", None)
        options["guardrails"] = tuple(map(_guardrail, (*rails, rail) if rail is not None else rails))
        self.name: str = options.pop("name", None) or ""
        self._fields = {"description": description, "expected_output": expected_output, **options}
        self.spec("task", agents={}, tasks={})

    def spec(self, key: str, *, agents: Mapping[int, str], tasks: Mapping[int, str]) -> TaskSpec:
        """Keys of agents and tasks are looked up by the objects' identity; unknown context is named as such."""
        context = (
            None if self.context is None else tuple(tasks.get(id(task), "not_in_this_crew") for task in self.context)
        )
        tools = None if self.tools is None else tuple(map(tool_spec, self.tools))
        return TaskSpec(
            key=key, name=self.name, agent=agents.get(id(self.agent)), context=context, tools=tools, **self._fields
        )


def tool_spec(tool: Any) -> ToolSpec:
    """The spec of a tool object. Raises ``TypeError`` for what is none."""
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
    """A model given by its name or as an ``LLM``; None stays None."""
    return llm if isinstance(llm, LLM) or llm is None else LLM(llm)


def _guardrail(rail: Any) -> Any:
    if isinstance(rail, str):
        return QuestionGuardrail(question=rail)
    if callable(rail):
        raise TypeError(
            "A guardrail is a question for a model, as a text, or a guardrail of engine.spec.crew_spec. "
            "Functions cannot be kept in a crew's definition; check the answer with a schema, a length or a pattern, "
            "or after the kickoff."
        )
    return rail
