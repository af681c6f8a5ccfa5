"""A crew as one Python file that runs with CrewAI."""

from __future__ import annotations

from agents_app.writers.crew_parts import AgentPart, ConditionPart, CrewParts, TaskPart
from agents_app.writers.expressions import Call, Expression, Name
from agents_app.writers.python.layout import assigned, written
from agents_app.writers.python.modules import Module

HEAD = '''"""A crew for CrewAI 1.15, exported from Crewsite.

Run it with Python in an environment that has {needs}.
"""'''


def python_file(parts: CrewParts) -> str:
    """The file's text."""
    module = Module(parts)
    module.use("crewai", "Agent", "Crew", "Process", "Task")
    for agent in parts.agents:
        module.add(assigned(agent.name, Call("Agent", agent_fields(agent, module))))
    for task in parts.tasks:
        schema = module.schema_of(task)
        condition = _condition(task, module)
        call = Call("ConditionalTask" if condition else "Task", task_fields(task, module, schema, condition))
        module.add(*module.notes_of(task), assigned(task.name, module.used(call)))
    module.add(assigned("crew", Call("Crew", crew_fields(parts, module))))
    return module.text(HEAD, main(parts, "crew"))


def agent_fields(agent: AgentPart, module: Module) -> dict[str, Expression]:
    """What ``Agent(...)`` is given."""
    fields: dict[str, Expression] = {**agent.texts, "llm": module.used(agent.llm)}
    if agent.tools:
        fields["tools"] = [module.used(tool) for tool in agent.tools]
    if agent.servers:
        fields["mcps"] = [module.used(server) for server in agent.servers]
    return {**fields, **agent.fields}


def task_fields(task: TaskPart, module: Module, schema: str | None, condition: str) -> dict[str, Expression]:
    """What ``Task(...)`` is given. ``schema`` and ``condition``: names in the file."""
    fields: dict[str, Expression] = {"condition": Name(condition)} if condition else {}
    fields |= task.texts
    if task.agent is not None:
        fields["agent"] = Name(task.agent)
    if task.context is not None:
        fields["context"] = [Name(name) for name in task.context]
    return {**fields, **extra_task_fields(task, module, schema), **task.fields}


def extra_task_fields(task: TaskPart, module: Module, schema: str | None) -> dict[str, Expression]:
    """What needs Python in a task, apart from its agent, its context and its condition."""
    fields: dict[str, Expression] = {}
    if task.tools:
        fields["tools"] = [module.used(tool) for tool in task.tools]
    if schema is not None:
        fields["output_pydantic"] = Name(schema)
    guardrails = [module.used(guardrail) for guardrail in task.guardrails]
    if len(guardrails) == 1:
        fields["guardrail"] = guardrails[0]
    elif guardrails:
        fields["guardrails"] = guardrails
    return fields


def crew_fields(parts: CrewParts, module: Module) -> dict[str, Expression]:
    """What ``Crew(...)`` is given."""
    workers = [Name(agent.name) for agent in parts.agents if agent.name != parts.manager]
    fields: dict[str, Expression] = {"name": parts.name, "agents": workers}
    fields["tasks"] = [Name(task.name) for task in parts.tasks]
    fields["process"] = Name(f"Process.{parts.process}")
    if parts.manager:
        fields["manager_agent"] = Name(parts.manager)
    return {**fields, **{name: module.used(value) for name, value in parts.fields.items()}}


def main(parts: CrewParts, crew: str) -> list[str]:
    """What runs the crew. Inputs without a value here are asked for."""
    lines = ['if __name__ == "__main__":']
    kickoff = f"{crew}.kickoff()"
    if parts.inputs:
        values = {
            name: Call("input", {}, (f"{name}: ",)) if value is None else value for name, value in parts.inputs.items()
        }
        lines.append(assigned("inputs", values, indent=4))
        kickoff = f"{crew}.kickoff(inputs=inputs)"
    return [*lines, f"    print({kickoff})"]


def _condition(task: TaskPart, module: Module) -> str:
    """The name of the function that decides whether the task runs; "" if it always does."""
    if task.condition is None:
        return ""
    name = module.parts.names.take(f"if_{task.name}", instead=f"if_{task.name}_runs")
    module.add(condition_function(name, task.condition, module, task.condition.task))
    return name


def condition_function(name: str, condition: ConditionPart, module: Module, looked_at: str) -> str:
    """The function's source. ``looked_at``: what it looks at, a task or an answer, as the file names it."""
    module.helper("condition_check")
    asked = Call("condition_check", condition.fields, (Name(looked_at),))
    return f"def {name}(output: TaskOutput) -> bool:\n    return {written(asked, indent=4, before=7)}"
