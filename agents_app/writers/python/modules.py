"""The Python module of an export: what it imports and defines, in an order in which Python can run it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from agents_app.writers.checks import HELPERS
from agents_app.writers.crew_parts import CrewParts, TaskPart, function_names
from agents_app.writers.expressions import Call, Expression, Name
from agents_app.writers.identifiers import class_name
from agents_app.writers.python.classes import Classes, schema_comment
from agents_app.writers.python.texts import comment
from agents_app.writers.tools import source_of

_HOMES = {
    "LLM": "crewai",
    "LLMGuardrail": "crewai.tasks.llm_guardrail",
    "ConditionalTask": "crewai.tasks.conditional_task",
    "TaskOutput": "crewai",
    "MCPServerHTTP": "crewai.mcp",
    "MCPServerStdio": "crewai.mcp",
    "create_static_tool_filter": "crewai.mcp",
    "SerperDevTool": "crewai_tools",
    "ScrapeWebsiteTool": "crewai_tools",
}
_STANDARD = frozenset(
    {"ast", "collections.abc", "datetime", "decimal", "json", "operator", "pathlib", "typing", "uuid", "zoneinfo"}
)
MAX_LINE = 88


@dataclass(slots=True)
class Module:
    """A module that grows: ``add`` appends what stands on its own, ``used`` and ``helper`` bring what that needs."""

    parts: CrewParts
    imports: dict[str, set[str]] = field(default_factory=dict)
    blocks: list[str] = field(default_factory=list)
    helpers: dict[str, str] = field(default_factory=dict)
    notes: dict[str, list[str]] = field(default_factory=dict)
    classes: Classes = field(init=False)
    functions: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        self.functions = frozenset(function_names(self.parts))
        self.classes = Classes(self.parts.names, imports=self.imports)

    def use(self, module: str, *names: str) -> None:
        """``from module import names``; without names ``import module``."""
        self.imports.setdefault(module, set()).update(names)

    def add(self, *lines: str) -> None:
        self.blocks.append("\n".join(lines))

    def used(self, value: Expression) -> Expression:
        """The value, once the file has what it needs."""
        if isinstance(value, Name):
            self._function(value.text)
        elif isinstance(value, Call):
            if value.name in HELPERS:
                self.helper(value.name)
            elif value.name in _HOMES:
                self.use(_HOMES[value.name], value.name)
            for part in (*value.args, *value.fields.values()):
                self.used(part)
        return value

    def helper(self, name: str) -> None:
        """Brings one of our own functions."""
        if name not in self.helpers:
            self.helpers[name] = HELPERS[name].source.strip()
            self._import_lines(HELPERS[name].imports)

    def schema_of(self, task: TaskPart) -> str | None:
        """The class of the task's output, which the file gets; None without a schema or if no class can say it."""
        if task.schema is None:
            return None
        path = f"tasks.{task.key}.output_schema"
        name = self.classes.add(dict(task.schema), fallback=class_name(task.key, fallback="Output"))
        lacking = list(self.classes.lacking)
        if name is not None and task.schema.get("type") == "array":
            message = f"{name} is a list at its top (RootModel): providers that take objects alone refuse it."
            self.parts.remarks.info(path, message)
        if name is None:
            self.parts.remarks.warn(path, "No class can say this schema: it stands as a comment.")
        elif lacking:
            shown = ", ".join(lacking[:20]) + (" and more" if len(lacking) > 20 else "")
            self.parts.remarks.warn(path, f"The class {name} does not say all of the schema; left out is: {shown}.")
        if name is None or lacking:
            self.notes[task.name] = [*comment("The whole schema of its output:"), *schema_comment(dict(task.schema))]
        return name

    def notes_of(self, task: TaskPart) -> list[str]:
        """Lines of comment that stand before the task."""
        return self.notes.get(task.name, [])

    def text(self, head: str, last: list[str], *, says: bool = True) -> str:
        """The whole file. ``last`` stands at its end; ``says``: the remarks stand in it as comments."""
        needs = "CrewAI and crewai_tools" if "crewai_tools" in self.imports else "CrewAI"
        blocks = [*self.helpers.values(), *self.blocks]
        said = said_in_comments(self.parts) if says else []
        lines = [head.replace("{needs}", needs), *said, "", *import_lines(self.imports)]
        lines += self.classes.lines
        for block in blocks:
            is_function = block.startswith(("def ", "@", "_", "class ", "# A stand-in"))
            lines += ["", "", block] if is_function else ["", *_after_definition(lines), block]
        return "\n".join([*lines, *(["", "", *last] if last else []), ""])

    def _function(self, name: str) -> None:
        if name in self.functions and name not in self.helpers:
            source, imports = source_of(name)
            self.helpers[name] = source.strip()
            self._import_lines((*imports, "from crewai.tools import tool"))

    def _import_lines(self, lines: tuple[str, ...]) -> None:
        for line in lines:
            words = line.split()
            self.use(words[1], *words[3:])


def _after_definition(lines: list[str]) -> list[str]:
    """One more empty line after a function or a class."""
    last = lines[-1].rpartition("\n")[2]
    return [""] if last.startswith((" ", "from ", "import ")) else []


def import_lines(imports: Mapping[str, set[str]]) -> list[str]:
    """The imports as isort orders them: the standard library's, then the others'."""
    groups: tuple[list[str], list[str]] = ([], [])
    for module in sorted(imports, key=lambda module: (bool(imports[module]), module)):
        groups[module not in _STANDARD].append(_import_line(module, imports[module]))
    return [*groups[0], *([""] if all(groups) else []), *groups[1]]


def _import_line(module: str, names: set[str]) -> str:
    if not names:
        return f"import {module}"
    ordered = sorted(names, key=lambda name: (not name.isupper(), not name[0].isupper(), name))
    line = f"from {module} import {', '.join(ordered)}"
    if len(line) <= MAX_LINE:
        return line
    return "\n".join([f"from {module} import (", *(f"    {name}," for name in ordered), ")"])


def said_in_comments(parts: CrewParts, mark: str = "#") -> list[str]:
    """What the file cannot say, and the crew's description, as comments."""
    lines: list[str] = []
    if parts.description.strip():
        lines += ["", *comment(parts.description.strip(), mark=mark)]
    remarks = parts.remarks.all()
    if remarks:
        lines += ["", *comment("What is otherwise there than in Crewsite:", mark=mark)]
        for remark in remarks:
            lines += comment(f"- {remark.field}: {remark.message}", mark=mark, hang="  ")
    return lines
