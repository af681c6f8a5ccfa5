"""Which tool of crewai_tools stands for each of ours, and the source of those that none stands for.

``calculator`` and ``current_time`` are written out, since they need nothing else. Tools that need this installation are
stand-ins that say so when they are called.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from agents_app.writers.expressions import Call, Expression, Name
from agents_app.writers.remarks import Remarks
from engine.spec.crew_spec import ToolSpec

FROM_CREWAI_TOOLS = {"web_search": "SerperDevTool", "scrape_website": "ScrapeWebsiteTool"}
SETTINGS = {"web_search": ("n_results",), "scrape_website": ("website_url",)}
WORKING = ("calculator", "current_time")
STAND_INS = {
    "knowledge_search": "It searches the team's documents, which stay in Crewsite.",
    "http_request": "It asks hosts by HTTP; the hosts that it may ask are settings of the crew in Crewsite.",
    "mcp": "It is an MCP server's tools. CrewAI gives them to agents as mcps, not to tasks.",
}
UNKNOWN = "CrewAI has no tool of this name."

CALCULATOR = '''
_OPERATORS = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
}


def _reckoned(node: ast.AST) -> Decimal:
    if isinstance(node, ast.Expression):
        return _reckoned(node.body)
    if isinstance(node, ast.Constant) and type(node.value) in (int, float):
        return Decimal(str(node.value))
    if isinstance(node, ast.BinOp) and type(node.op) in _OPERATORS:
        return _OPERATORS[type(node.op)](_reckoned(node.left), _reckoned(node.right))
    if isinstance(node, ast.UnaryOp) and type(node.op) in _OPERATORS:
        return _OPERATORS[type(node.op)](_reckoned(node.operand))
    raise ValueError("Numbers, + - * / // % and brackets alone can be worked out.")


@tool("calculator")
def calculator(expression: str) -> str:
    """Works out an arithmetic expression, such as (3 + 4) * 2."""
    try:
        return str(_reckoned(ast.parse(expression.strip(), mode="eval")))
    except (ArithmeticError, SyntaxError, ValueError) as error:
        return f"This cannot be worked out: {error}"
'''
CURRENT_TIME = '''
@tool("current_time")
def current_time(timezone: str = "UTC") -> str:
    """Tells the date and the time in a time zone, such as Europe/Berlin."""
    return datetime.now(ZoneInfo(timezone)).isoformat(timespec="seconds")
'''
_SOURCES = {
    "calculator": (CALCULATOR, ("import ast", "import operator", "from decimal import Decimal")),
    "current_time": (CURRENT_TIME, ("from datetime import datetime", "from zoneinfo import ZoneInfo")),
}


@dataclass(frozen=True, slots=True)
class Tools:
    """An agent's or a task's tools in CrewAI's terms. ``servers``: MCP servers, which are agents' alone."""

    tools: tuple[Expression, ...]
    servers: tuple[Expression, ...] = ()


def tools_of(specs: Iterable[ToolSpec], remarks: Remarks, *, owner: str, takes_servers: bool) -> Tools:
    tools: list[Expression] = []
    servers: list[Expression] = []
    for spec in specs:
        path = f"{owner}.tools.{spec.name}"
        if spec.name == "mcp" and takes_servers:
            server = _server(spec.config, remarks, path)
            servers.extend([] if server is None else [server])
            continue
        tools.append(_tool(spec, remarks, path))
    return Tools(tuple(tools), tuple(servers))


def _tool(spec: ToolSpec, remarks: Remarks, path: str) -> Expression:
    known = SETTINGS.get(spec.name, ())
    for name in spec.config:
        if name not in known:
            remarks.warn(
                f"{path}.{name[:80]}", f"The setting {name[:80]} is not part of what CrewAI has for this tool."
            )
    if spec.name in FROM_CREWAI_TOOLS:
        settings = {name: value for name, value in spec.config.items() if name in known}
        return Call(FROM_CREWAI_TOOLS[spec.name], settings)
    if spec.name not in WORKING:
        why = STAND_INS.get(spec.name, UNKNOWN)
        remarks.warn(path, f"{why} A stand-in of its name says so when it is called.")
    return Name(stand_in_name(spec.name))


def stand_in_name(tool: str) -> str:
    """The function that stands for a tool: those that we do not know share one, since their names may be anything."""
    return tool if tool in WORKING or tool in STAND_INS else "unknown_tool"


def _server(config: dict[str, Any], remarks: Remarks, path: str) -> Expression | None:
    """An MCP server as CrewAI names it. Its token is a key of the team, which is never exported."""
    names = config.get("tools")
    chosen = {"tool_filter": Call("create_static_tool_filter", {"allowed_tool_names": list(names)})} if names else {}
    for name in config:
        if name == "credential":
            remarks.warn(f"{path}.credential", "The server's token is a key of the team: give it as headers there.")
        elif name not in ("url", "command", "tools"):
            remarks.warn(
                f"{path}.{name[:80]}", f"The setting {name[:80]} is not part of what CrewAI has for this tool."
            )
    if isinstance(config.get("url"), str):
        return Call("MCPServerHTTP", {"url": config["url"], **chosen})
    command = config.get("command")
    if isinstance(command, list | tuple) and command:
        args = {"args": list(command[1:])} if len(command) > 1 else {}
        return Call("MCPServerStdio", {"command": command[0], **args, **chosen})
    remarks.warn(path, "The server has neither an address nor a command here: it was left out.")
    return None


def _say_unknown(setting: str, remarks: Remarks, path: str) -> None:
    remarks.warn(f"{path}.{setting}", f"The setting {setting} is not part of what CrewAI has for this tool.")


def source_of(name: str) -> tuple[str, tuple[str, ...]]:
    """A tool function's source and the imports that it needs beside ``crewai.tools.tool``."""
    if name in _SOURCES:
        return _SOURCES[name]
    why = STAND_INS.get(name, UNKNOWN)
    source = f'''
# A stand-in: {why} Write here what it is to do.
@tool("{name}")
def {name}(request: str) -> str:
    """Is not available here."""
    return "This tool is not available here. Go on without it."
'''
    return source, ()
