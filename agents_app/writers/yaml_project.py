"""A crew as a classic project of CrewAI: ``config/agents.yaml``, ``config/tasks.yaml`` and ``crew.py``."""

from __future__ import annotations

from typing import Any

import yaml

from agents_app.writers.crew_parts import AgentPart, CrewParts, TaskPart
from agents_app.writers.expressions import Call, Expression, Name, is_plain
from agents_app.writers.identifiers import class_name
from agents_app.writers.python.file import crew_fields, extra_task_fields, main
from agents_app.writers.python.layout import written
from agents_app.writers.python.modules import Module
from agents_app.writers.python.texts import unprintable

HEAD = '''"""A crew for CrewAI 1.15, exported from Crewsite: its texts are in config/agents.yaml and config/tasks.yaml.

Run it with Python in an environment that has {needs}.
"""'''
AGENTS_HEAD = "# The agents of crew.py beside this folder.\n"
TASKS_HEAD = "# The tasks of crew.py beside this folder.\n"
WIDTH = 100
WORDS = frozenset({"true", "yes", "on", "false", "no", "off", "null", "~", ""})


def yaml_project(parts: CrewParts) -> dict[str, str]:
    """The project's files by path."""
    module = Module(parts)
    module.use("crewai", "Agent", "Crew", "Process", "Task")
    module.use("crewai.project", "CrewBase", "agent", "crew", "task")
    name = parts.names.take(class_name(parts.name, fallback="Exported"), instead="ExportedCrew")
    module.add(*_class(name, parts, module))
    agents = {agent.name: _agent_entry(agent) for agent in parts.agents}
    tasks = {task.name: _task_entry(task) for task in parts.tasks}
    return {
        "config/agents.yaml": AGENTS_HEAD + dumped(agents),
        "config/tasks.yaml": TASKS_HEAD + dumped(tasks),
        "crew.py": module.text(HEAD, main(parts, f"{name}().crew()")),
    }


def _agent_entry(agent: AgentPart) -> dict[str, Any]:
    llm = {"llm": agent.llm} if is_plain(agent.llm) else {}
    return {**agent.texts, **llm, **agent.fields}


def _task_entry(task: TaskPart) -> dict[str, Any]:
    agent = {"agent": task.agent} if task.agent is not None else {}
    context = {"context": list(task.context)} if task.context is not None else {}
    return {**task.texts, **agent, **context, **task.fields}


def _class(name: str, parts: CrewParts, module: Module) -> list[str]:
    lines = [f"@CrewBase\nclass {name}:"]
    lines += ['    agents_config = "config/agents.yaml"', '    tasks_config = "config/tasks.yaml"']
    for agent in parts.agents:
        is_manager = agent.name == parts.manager
        fields: dict[str, Expression] = {"config": Name(f'self.agents_config["{agent.name}"]')}
        if not is_plain(agent.llm):
            fields["llm"] = module.used(agent.llm)
        if agent.tools:
            fields["tools"] = [module.used(tool) for tool in agent.tools]
        if agent.servers:
            fields["mcps"] = [module.used(server) for server in agent.servers]
        lines += ["", *([] if is_manager else ["    @agent"]), *_method(agent.name, Call("Agent", fields))]
    for task in parts.tasks:
        lines += ["", *_task_method(task, module)]
    fields = crew_fields(parts, module)
    fields |= {"agents": Name("self.agents"), "tasks": Name("self.tasks")}
    if parts.manager:
        fields["manager_agent"] = Name(f"self.{parts.manager}()")
    return [*lines, "", "    @crew", *_method("crew", Call("Crew", fields))]


def _task_method(task: TaskPart, module: Module) -> list[str]:
    schema = module.schema_of(task)
    fields: dict[str, Expression] = {"config": Name(f'self.tasks_config["{task.name}"]')}
    before: list[str] = []
    if task.condition is not None:
        module.helper("condition_check")
        asked = Call("condition_check", task.condition.fields, (Name(f"self.{task.condition.task}()"),))
        before = ["        def runs(output: TaskOutput) -> bool:"]
        before += [f"            return {written(asked, indent=12, before=7)}", ""]
        fields = {"condition": Name("runs"), **fields}
    fields |= extra_task_fields(task, module, schema)
    call = module.used(Call("ConditionalTask" if before else "Task", fields))
    notes = [f"    {line}" for line in module.notes_of(task)]
    return [*notes, "    @task", *_method(task.name, call, before)]


def _method(name: str, call: Call, before: list[str] | None = None) -> list[str]:
    body = [*(before or []), f"        return {written(call, indent=8, before=7)}"]
    return [f"    def {name}(self) -> {'Task' if call.name == 'ConditionalTask' else call.name}:", *body]


class _Dumper(yaml.SafeDumper):
    """Texts with several lines as blocks, others in quotes unless they begin with a letter and mean nothing else."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    shows = all(char.isprintable() or char in "\n\t" for char in text)
    style = "|" if "\n" in text and text.strip() and shows else None if shows else '"'
    if style is None and (not text[:1].isalpha() or text.lower() in WORDS):
        style = '"'
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)


def dumped(data: Any) -> str:
    """The data as YAML that reads back as the same data. Texts with what does not show are in quotes, as escapes."""
    text = yaml.dump(data, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=WIDTH)
    return "".join(char if char.isprintable() or char in "\n\t" else unprintable(char) for char in text)
