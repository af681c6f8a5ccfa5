"""A crew as a project of CrewAI in JSON: ``crew.jsonc``, ``agents/*.jsonc``, and Python where JSON has no words.

The format is that of ``crewai.project.json_loader`` of CrewAI 1.15: ``context`` has the names of tasks, models are
objects, functions and classes are ``{"python": "module.name"}``, own tools ``custom:name`` of ``tools/name.py``.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from typing import Any

from agents_app.writers.crew_parts import AgentPart, CrewParts, TaskPart
from agents_app.writers.expressions import Call, Expression, Name
from agents_app.writers.identifiers import class_name, snake_name
from agents_app.writers.python.file import condition_function
from agents_app.writers.python.layout import assigned, written
from agents_app.writers.python.modules import Module, said_in_comments
from agents_app.writers.tools import FROM_CREWAI_TOOLS, source_of

CODE = "crew_code"
HEAD = '"""What crew.jsonc of this crew names and JSON has no words for. Exported from Crewsite."""'
TOOL_HEAD = '"""A tool of this crew. Exported from Crewsite."""'
CREW_HEAD = "// A crew for CrewAI 1.15, exported from Crewsite. Run it with: crewai run\n"


class _Project:
    """The files that grow beside crew.jsonc."""

    def __init__(self, parts: CrewParts) -> None:
        self.parts = parts
        self.module = Module(parts)
        self.files: dict[str, str] = {}
        self.names = _task_names(parts)

    def agent(self, agent: AgentPart) -> dict[str, Any]:
        fields: dict[str, Any] = {**agent.texts, "llm": self.plain(agent.llm)}
        if agent.tools:
            fields["tools"] = [self.tool(tool) for tool in agent.tools]
        if agent.servers:
            fields["mcps"] = [self.plain(server) for server in agent.servers]
        return {**fields, **agent.fields}

    def task(self, task: TaskPart) -> dict[str, Any]:
        fields: dict[str, Any] = {"name": self.names[task.name], **task.texts}
        if task.agent is not None:
            fields["agent"] = task.agent
        if task.context is not None:
            fields["context"] = [self.names[name] for name in task.context]
        if task.tools:
            fields["tools"] = [self.tool(tool) for tool in task.tools]
        schema = self.module.schema_of(task)
        if schema is not None:
            fields["output_pydantic"] = _python(schema)
        guardrails = [self.guardrail(guardrail, task) for guardrail in task.guardrails]
        if guardrails:
            fields |= {"guardrail": guardrails[0]} if len(guardrails) == 1 else {"guardrails": guardrails}
        if task.condition is not None:
            fields |= self.condition(task)
        return {**fields, **{name: value for name, value in task.fields.items() if name != "name"}}

    def guardrail(self, guardrail: Expression, task: TaskPart) -> Any:
        """A question as it is, any other guardrail by the name that the code gives it."""
        if isinstance(guardrail, str):
            return guardrail
        name = self.parts.names.take(f"{task.name}_check", instead=f"{task.name}_check")
        self.module.add(assigned(name, self.module.used(guardrail)))
        return _python(name)

    def condition(self, task: TaskPart) -> dict[str, Any]:
        assert task.condition is not None
        if not task.condition.is_last:
            path = f"tasks.{task.key}.condition"
            self.parts.remarks.warn(path, "In JSON a condition looks at the task before alone: it is left out.")
            return {}
        name = self.parts.names.take(f"if_{task.name}", instead=f"if_{task.name}_runs")
        self.module.add(condition_function(name, task.condition, self.module, "output"))
        return {"type": "ConditionalTask", "condition": _python(name)}

    def tool(self, tool: Expression) -> str:
        """How JSON names a tool. A tool with settings is a class of its own, which has them."""
        if isinstance(tool, Call) and not tool.fields:
            return tool.name
        if isinstance(tool, Name):
            self._file(tool.text, _own_tool(tool.text))
            return f"custom:{tool.text}"
        name = next(ours for ours, theirs in FROM_CREWAI_TOOLS.items() if theirs == tool.name)
        return f"custom:{self._file(name, _set_tool(name, tool))}"

    def plain(self, value: Expression) -> Any:
        """A model or a server as JSON."""
        if isinstance(value, Call) and value.name == "create_static_tool_filter":
            return {"type": "static", **value.fields}
        if isinstance(value, Call):
            return {name: self.plain(part) for name, part in value.fields.items()}
        return value

    def _file(self, name: str, text: str) -> str:
        number, free = 1, name
        while self.files.get(f"tools/{free}.py", text) != text:
            number += 1
            free = f"{name}_{number}"
        self.files[f"tools/{free}.py"] = text
        return free


def jsonc_project(parts: CrewParts) -> dict[str, str]:
    """The project's files by path."""
    project = _Project(parts)
    agents = {f"agents/{agent.name}.jsonc": dumped(project.agent(agent)) for agent in parts.agents}
    tasks = [project.task(task) for task in parts.tasks]
    crew: dict[str, Any] = {"name": parts.name}
    crew["agents"] = [agent.name for agent in parts.agents if agent.name != parts.manager]
    crew |= {"tasks": tasks, "process": parts.process}
    if parts.manager:
        crew["manager_agent"] = parts.manager
    crew |= {name: project.plain(value) for name, value in parts.fields.items()}
    values = {name: value for name, value in parts.inputs.items() if value is not None}
    if not values and not parts.inputs and _have_braces(parts):
        values = {"crew": parts.name}  # CrewAI refuses to read braces without any input
    if values:
        crew["inputs"] = values
    if project.module.blocks or project.module.classes.lines:
        project.files[f"{CODE}.py"] = project.module.text(HEAD, [], says=False)
    head = "\n".join([CREW_HEAD.rstrip(), *said_in_comments(parts, "//"), ""])
    return {"crew.jsonc": head + dumped(crew), **agents, **project.files}


def _task_names(parts: CrewParts) -> dict[str, str]:
    """Each task's name in JSON, by which others read it: its own if it is like no other name, else its key."""
    own = {task.name: str(task.fields.get("name", "")) for task in parts.tasks}
    alike = Counter(_letters(name) for name in own.values()) + Counter(map(_letters, own))
    return {
        key: name if _letters(name) and alike[_letters(name)] == 1 + (_letters(name) == _letters(key)) else key
        for key, name in own.items()
    }


def _letters(name: str) -> str:
    """What is left of a name for readers that look at its letters alone."""
    return snake_name(name, fallback="").strip("_")


def _have_braces(parts: CrewParts) -> bool:
    """Whether any text has a brace."""
    texts = [*(agent.texts for agent in parts.agents), *(task.texts for task in parts.tasks)]
    return any({"{", "}"} & set(text) for part in texts for text in part.values())


def _python(name: str) -> dict[str, str]:
    return {"python": f"{CODE}.{name}"}


def _own_tool(name: str) -> str:
    """A file with one of our functions as a class, which is what CrewAI looks for there."""
    source, imports = source_of(name)
    argument = {"calculator": "expression: str", "current_time": 'timezone: str = "UTC"'}.get(name, "request: str")
    passed = argument.partition(":")[0]
    lines = [TOOL_HEAD, "", *imports, "", "from crewai.tools import BaseTool, tool", "", source.strip(), "", ""]
    lines += [f"class {class_name(name, fallback='Own')}(BaseTool):", f'    name: str = "{name}"']
    lines += [f"    description: str = {name}.description", "", f"    def _run(self, {argument}) -> str:"]
    return "\n".join([*lines, f"        return {name}.func({passed})", ""])


def _set_tool(name: str, tool: Call) -> str:
    """A file with a tool of crewai_tools that has its settings. The module is imported whole: CrewAI takes the first
    class of a tool that it finds among a file's names."""
    lines = [TOOL_HEAD, "", "import crewai_tools", "", ""]
    lines += [f"class {class_name(name, fallback='Own')}(crewai_tools.{tool.name}):", "    def __init__(self) -> None:"]
    call = written(Call("super().__init__", tool.fields), indent=8)
    return "\n".join([*lines, f"        {call}", ""])


def dumped(data: Mapping[str, Any]) -> str:
    """The data as JSON. Characters that do not show are escapes."""
    text = json.dumps(data, ensure_ascii=False, indent=2)
    return "".join(char if char.isprintable() or char == "\n" else _escape(char) for char in text) + "\n"


def _escape(char: str) -> str:
    if ord(char) < 0x10000:
        return f"\\u{ord(char):04x}"
    high, low = divmod(ord(char) - 0x10000, 0x400)
    return f"\\u{0xD800 + high:04x}\\u{0xDC00 + low:04x}"
