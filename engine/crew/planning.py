"""Planning: before the first task, one request asks for a plan of every task, which its agent is then shown."""

from __future__ import annotations

from typing import Any

from engine.crew.agent_loop import Conversation
from engine.crew.model_calls import Calls
from engine.crew.output import read_answer
from engine.crew.prompt import schema_rule
from engine.crew.runtime import Runtime
from engine.errors import ModelMistake
from engine.providers.llm import Message
from engine.record.journal import CREW_TASK, Purpose
from engine.spec.crew_spec import AgentSpec, CrewSpec, TaskSpec
from engine.spec.plan import Plan

PLANNER_KEY = "planner"


async def plan_tasks(spec: CrewSpec, plan: Plan, runtime: Runtime) -> dict[str, str]:
    """The plans by task key. Raises ``ModelMistake`` if they cannot be read, and what ``Calls.ask`` raises."""
    planner = AgentSpec(
        key=PLANNER_KEY,
        role="the planner of a crew",
        goal="Say briefly, step by step, how each task is best done by its agent with its tools.",
        llm=spec.planning_llm or spec.manager_llm or spec.agents[0].llm,
    )
    calls = Calls(
        runtime,
        CREW_TASK,
        planner,
        crew_rpm=spec.max_rpm,
        purpose=Purpose.PLANNING,
        effort=runtime.effort.of_task(),
    )
    schema = _schema(spec)
    conversation = Conversation(
        calls, lambda context, schema_in_words: _brief(spec, plan, schema_in_words), schema=schema
    )
    text = await conversation.answer()
    try:
        return dict((await read_answer(text, schema, calls.effort)).data)
    except ModelMistake as mistake:
        text = await conversation.again(f"{mistake} Answer again with the JSON value alone.")
    return dict((await read_answer(text, schema, calls.effort)).data)


def with_plan(task: TaskSpec, plans: dict[str, str]) -> TaskSpec:
    """The task with its plan, if it has one, below its description."""
    plan = plans.get(task.key, "").strip()
    return task.model_copy(update={"description": f"{task.description.rstrip()}\n\nPlan:\n{plan}"}) if plan else task


def _schema(spec: CrewSpec) -> dict[str, Any]:
    keys = [task.key for task in spec.tasks]
    return {
        "type": "object",
        "properties": {key: {"type": "string"} for key in keys},
        "required": keys,
        "additionalProperties": False,
    }


def _brief(spec: CrewSpec, plan: Plan, schema_in_words: dict[str, Any] | None) -> Message:
    lines = ["Write a short plan for each of these tasks. Answer as a JSON object from a task's key to its plan."]
    if schema_in_words is not None:
        lines.append(schema_rule(schema_in_words))
    for task in spec.tasks:
        agent = spec.agent(task.agent)
        tools = ", ".join(tool.name for tool in (agent.tools if agent and task.tools is None else task.tools or ()))
        lines.append(
            f"## {task.key}\nTask: {task.description.strip()}\nExpected output: {task.expected_output.strip() or '-'}\n"
            f"Agent: {agent.role if agent else 'chosen by the manager'}\nTools: {tools or 'none'}\n"
            f"Reads: {', '.join(plan.context[task.key]) or 'nothing'}"
        )
    return {"role": "user", "content": "\n\n".join(lines)}
