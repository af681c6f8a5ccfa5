"""What is the same crew for somebody who runs it, whatever its parts are called: a spec as data to be compared."""

from __future__ import annotations

import json
import math
import re
from typing import Any

from agents_app.writers.remarks import ExportRemark
from engine.catalogue.model_ids import provider_of, real_id
from engine.spec.crew_spec import CrewSpec, LLMSpec, TaskSpec, ToolSpec
from engine.spec.placeholders import with_inputs
from engine.spec.plan import make_plan
from engine.text import storable

NOT_SAID_OF_MODELS = {"fallbacks": (), "credential": None, "cache_ttl_s": None}
NOT_SAID_OF_TASKS = {"takes_near_misses": True, "cache_ttl_s": None}
READ_TOOLS = ("web_search", "scrape_website", "calculator", "current_time", "knowledge_search", "http_request")
"""Those that come back; of a stand-in its name alone."""
SETTINGS = ("website_url", "n_results")
SERVER = ("url", "command", "tools")
NUMBERED = re.compile(r'(?<=[A-Za-z0-9])_\d+"')
"""What a second class of a title has at the end of its name."""


def meaning(spec: CrewSpec, *, exported: bool, remarks: tuple[ExportRemark, ...] = ()) -> dict[str, Any]:
    """The crew with its inputs filled in and without names of its own. ``exported``: what a format does not say, or no
    import reads, is taken out as well, as the table of attributes has it."""
    filled = with_inputs(spec, {})
    plan = make_plan(spec)
    agents = sorted(filled.agents, key=lambda agent: agent.key == spec.manager_agent)
    place = {agent.key: index for index, agent in enumerate(agents)}
    task_place = {task.key: index for index, task in enumerate(spec.tasks)}
    left_out = [remark.field for remark in remarks if "left out" in remark.message]
    unconditional = {field.split(".")[1] for field in left_out if field.endswith(".condition")}
    not_async = {remark.field.split(".")[1] for remark in remarks if remark.field.endswith(".async_execution")}
    return {
        "name": spec.name,
        "process": "sequential" if exported and spec.process == "parallel" else spec.process,
        "manager_agent": place.get(spec.manager_agent or ""),
        "manager_llm": _llm(spec.manager_llm, exported),
        "planning": spec.planning,
        "planning_llm": _llm(spec.planning_llm, exported),
        "cache": spec.cache,
        "max_rpm": spec.max_rpm,
        "agents": [_agent(agent.to_json(), agent.llm, agent.tools, exported) for agent in agents],
        "tasks": [
            _task(task, exported)
            | {
                "agent": place.get(task.agent or ""),
                "reads": [task_place[key] for key in plan.context[task.key]],
                "condition": None
                if task.condition is None or task.key in unconditional
                else task.condition.to_json() | {"task": task_place[task.condition.task]},
                "async": task.async_execution
                and not (exported and (task.key in not_async or spec.process == "parallel")),
            }
            for task in filled.tasks
        ],
    }


def in_json(crew: dict[str, Any]) -> dict[str, Any]:
    """The meaning without names: a task there always has one."""
    for task in crew["tasks"]:
        task.pop("name", None)
    return crew


def _agent(data: dict[str, Any], llm: LLMSpec, tools: tuple[ToolSpec, ...], exported: bool) -> dict[str, Any]:
    if exported and "max_execution_time_s" in data:
        data["max_execution_time_s"] = float(math.ceil(data["max_execution_time_s"]))
    texts = {name: _text(data.get(name, "")) for name in ("role", "goal", "backstory")}
    mine = {"llm": _llm(llm, exported), "tools": _tools(tools, exported, servers=True)}
    return {**{name: value for name, value in data.items() if name != "key"}, **texts, **mine}


def _task(task: TaskSpec, exported: bool) -> dict[str, Any]:
    data = task.to_json()
    if exported:
        data = {name: value for name, value in data.items() if name not in NOT_SAID_OF_TASKS}
    for name in ("key", "agent", "context", "async_execution"):
        data.pop(name, None)
    data["description"], data["expected_output"] = _text(task.description), _text(task.expected_output)
    data["tools"] = _tools(task.tools or (), exported, servers=False)
    data["output_schema"] = NUMBERED.sub('"', json.dumps(task.output_schema))
    data["guardrails"] = [
        guardrail.to_json() | ({"llm": _llm(guardrail.llm, exported)} if guardrail.kind == "question" else {})
        for guardrail in task.guardrails
    ]
    return data


def _llm(llm: LLMSpec | None, exported: bool) -> dict[str, Any] | None:
    if llm is None:
        return None
    data = llm.to_json() | {"model": llm.model}
    if not exported:
        return data
    model, provider = real_id(llm.model), provider_of(llm.model)
    if "/" not in model and provider not in (None, "openai", "anthropic", "gemini"):
        model = f"{provider}/{model}"
    kept = {name: value for name, value in data.items() if name not in NOT_SAID_OF_MODELS}
    return {**kept, "model": model}


def _tools(tools: tuple[ToolSpec, ...], exported: bool, *, servers: bool) -> list[Any]:
    if not exported:
        return [tool.to_json() for tool in tools]
    kept = [tool for tool in tools if tool.name in READ_TOOLS or (tool.name == "mcp" and not servers)]
    last = [tool for tool in tools if tool.name == "mcp" and servers]
    return [
        {"name": tool.name} | ({"config": config} if (config := _config(tool, SETTINGS)) else {}) for tool in kept
    ] + [{"name": tool.name, "config": _config(tool, SERVER)} for tool in last]


def _config(tool: ToolSpec, names: tuple[str, ...]) -> dict[str, Any]:
    return {name: value for name, value in tool.config.items() if name in names}


def _text(text: str) -> str:
    """An import takes the blanks around a text away, which come from the layout of a source."""
    return storable(text).strip()
