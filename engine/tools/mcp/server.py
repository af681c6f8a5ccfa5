"""The tools of an MCP server, over HTTP or, for programs that an operator allows, over standard input and output.

A server is a stranger, so the number of its tools and the length of what it says of them are bounded. Tools that cannot
be used are left out, and the log or an error says so.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import httpx

from engine.bounded import Effort
from engine.providers.credential import Credential
from engine.spec.json_schema import schema_fault_within
from engine.tools.mcp.session import McpSession, Timeouts, open_session
from engine.tools.tool import Effect, Tool, ToolFacts, ToolFailed, ToolSource, tool_name
from engine.web.addresses import PUBLIC, Reach

if TYPE_CHECKING:
    from mcp import types

log = logging.getLogger(__name__)

MAX_TOOLS = 100
MAX_PAGES = 20
MAX_LISTED = 5000
"""Tools over all pages: what comes after is not asked for."""
MAX_DESCRIPTION_CHARS = 4000
MAX_SCHEMA_CHARS = 20_000
SCHEMAS_SECONDS = 10.0
"""Of processor time, to check the schemas of all tools together."""
MAX_TEXT_CHARS = 2_000_000
MAX_ERROR_CHARS = 2000


@dataclass(frozen=True, slots=True)
class McpAccess:
    """What a run may use. ``commands``: exact names of the programs that an operator allows.

    ``tokens``: secrets by name, each with the address of its server. Whoever designs a crew chooses the server that it
    connects to, but must not choose which server gets a secret.
    """

    reach: Reach = PUBLIC
    commands: frozenset[str] = frozenset()
    tokens: Mapping[str, Credential] = field(default_factory=dict)
    timeouts: Timeouts = Timeouts()
    effort: Effort = field(default_factory=Effort)
    """What the run may still ask for, to check the schemas of its servers."""


class McpServer(ToolSource):
    """``config``: ``url`` or ``command``; perhaps ``tools`` (only these) and ``credential`` (the name of a token)."""

    def __init__(self, config: Mapping[str, Any], access: McpAccess) -> None:
        self._config = config
        self._access = access

    @asynccontextmanager
    async def open(self) -> AsyncIterator[tuple[Tool, ...]]:
        """The server's tools, while its session is open. Raises ``ToolFailed`` if it or a wanted tool is unusable."""
        timeouts = self._access.timeouts
        async with open_session(self._transport(), timeouts) as session:
            wanted = self._config.get("tools")
            listed = await session.ask(_listed(session.session, wanted), timeout_s=timeouts.open_s)
            effort = Effort(SCHEMAS_SECONDS, within=self._access.effort)
            usable = await _usable(listed, wanted, effort, timeouts.open_s)
            yield tuple(McpTool(tool.name, _facts(tool), session, timeouts.call_s) for tool in usable)

    def _transport(self) -> Any:
        if "command" in self._config:
            return _program(self._config["command"], self._access.commands)
        return _http(self._config["url"], self._headers(), self._access)

    def _headers(self) -> dict[str, str]:
        name = self._config.get("credential")
        if name is None:
            return {}
        if name not in self._access.tokens:
            raise ToolFailed(f"There is no credential named {name!r} for the MCP server.")
        url = httpx.URL(self._config["url"])
        if url.scheme != "https" and not self._access.reach.names(url.host):
            raise ToolFailed("A credential is sent to an MCP server over https only.")
        token = self._access.tokens[name]
        if not token.base_url or _origin(httpx.URL(token.base_url)) != _origin(url):
            raise ToolFailed(f"The credential {name!r} belongs to another server. Keep one with this server's address.")
        return {"Authorization": f"Bearer {token.api_key}"}


class McpTool:
    """One tool of an open session."""

    def __init__(self, name: str, facts: ToolFacts, session: McpSession, timeout_s: float) -> None:
        self.facts = facts
        self._name = name
        self._session = session
        self._timeout_s = timeout_s

    async def run(self, arguments: dict[str, Any]) -> str:
        result = await self._session.ask(self._call(arguments), timeout_s=self._timeout_s)
        text = _text(result)
        if result.is_error:
            raise ToolFailed(text[:MAX_ERROR_CHARS] or "The tool failed and did not say why.")
        return text

    async def _call(self, arguments: dict[str, Any]) -> types.CallToolResult:
        from mcp import types  # late, as in session

        # Not the session's own call_tool, which runs the patterns of the server's output schema without a time limit.
        params = types.CallToolRequestParams(name=self._name, arguments=arguments)
        request = types.CallToolRequest(params=params)
        result: types.CallToolResult = await self._session.session.send_request(request, types.CallToolResult)
        return result


def _origin(url: httpx.URL) -> tuple[str, str, int | None]:
    return (url.scheme, url.host, url.port)


@asynccontextmanager
async def _http(url: str, headers: dict[str, str], access: McpAccess) -> AsyncIterator[Any]:
    from mcp.client.streamable_http import streamable_http_client  # late, as in session

    from engine.tools.mcp.guarded_client import guarded_client  # late: it imports httpx2, which only MCP needs

    access.reach.check_url(httpx.URL(url))
    client = guarded_client(access.reach, headers=headers, timeout_s=access.timeouts.call_s)
    async with client, streamable_http_client(url, http_client=client) as streams:
        yield streams


@asynccontextmanager
async def _program(command: list[str], allowed: frozenset[str]) -> AsyncIterator[Any]:
    """Starts an allowed program. Its environment holds PATH, HOME and the like, and none of our secrets."""
    if command[0] not in allowed:
        raise ToolFailed(f"The program {command[0]!r} may not be started here. An operator can allow it.")
    from mcp.client.stdio import StdioServerParameters, stdio_client  # late, as in session

    with open(os.devnull, "w") as nowhere:
        parameters = StdioServerParameters(command=command[0], args=command[1:])
        async with stdio_client(parameters, errlog=nowhere) as streams:
            yield streams


async def _listed(session: Any, wanted: list[str] | None) -> dict[str, types.Tool]:
    """The wanted tools, else all, by name; at most ``MAX_TOOLS`` and one more, which shows that there are too many."""
    from mcp import types  # late, as in session

    listed: dict[str, types.Tool] = {}
    seen, cursor = 0, None
    for _ in range(MAX_PAGES):
        page = await session.list_tools(params=types.PaginatedRequestParams(cursor=cursor))
        listed |= {tool.name: tool for tool in page.tools if wanted is None or tool.name in wanted}
        seen, cursor = seen + len(page.tools), page.next_cursor
        has_all = wanted is not None and len(listed) == len(set(wanted))
        if cursor is None or has_all or len(listed) > MAX_TOOLS or seen > MAX_LISTED:
            break
    return dict(list(listed.items())[: MAX_TOOLS + 1])


async def _usable(
    listed: dict[str, types.Tool], wanted: list[str] | None, effort: Effort, within_s: float
) -> list[types.Tool]:
    """The tools that agents can use. Raises ``ToolFailed`` if a wanted one is not among them, or if there is none."""
    names = list(listed)[:MAX_TOOLS]
    faults = dict.fromkeys(names, f"its schema was not read within {within_s:g} s")
    with suppress(TimeoutError):
        async with asyncio.timeout(within_s):
            for name in names:
                faults[name] = await _fault(listed[name], effort)
    faults |= {name: "the server has no such tool" for name in wanted or () if name not in listed}
    left_out = [f"{name[:64]} ({fault})" for name, fault in faults.items() if fault]
    if len(listed) > MAX_TOOLS:
        left_out.append(f"all beyond the first {MAX_TOOLS}")
    reasons = "; ".join(left_out)[:MAX_ERROR_CHARS]
    usable = [listed[name] for name in names if not faults[name]]
    if left_out and (wanted is not None or not usable):
        raise ToolFailed(f"Tools of the MCP server cannot be used: {reasons}.")
    if not usable:
        raise ToolFailed("The MCP server has no tools.")
    if left_out:
        log.warning("Tools of an MCP server were left out: %s.", reasons)
    return usable


async def _fault(tool: types.Tool, effort: Effort) -> str:
    """Why the tool cannot be used, or ""."""
    schema = json.dumps(tool.input_schema)
    if len(schema) > MAX_SCHEMA_CHARS:
        return f"its schema is longer than {MAX_SCHEMA_CHARS:,} characters"
    if tool.input_schema.get("type") != "object" or "\\u0000" in schema:
        return "its schema is not that of an object"
    return (await schema_fault_within(effort, tool.input_schema))[:200]


def _facts(tool: types.Tool) -> ToolFacts:
    hints = tool.annotations
    reads_only = bool(hints and hints.read_only_hint)
    effect_of_writing = Effect.IDEMPOTENT if hints and hints.idempotent_hint else Effect.UNSAFE
    return ToolFacts(
        name=tool_name(tool.name),
        original_name=tool.name,
        description=(tool.description or tool.title or tool.name).replace("\x00", "")[:MAX_DESCRIPTION_CHARS],
        parameters=tool.input_schema,
        effect=Effect.PURE if reads_only else effect_of_writing,
        cacheable=reads_only,
    )


def _text(result: types.CallToolResult) -> str:
    text = "\n".join(map(_block_text, result.content))
    if not text and result.structured_content is not None:
        text = json.dumps(result.structured_content, ensure_ascii=False)
    return text.replace("\x00", "")[:MAX_TEXT_CHARS]


def _block_text(block: types.ContentBlock) -> str:
    if block.type == "text":
        return block.text
    if block.type == "resource_link":
        return f"[{block.name}: {block.uri}]"
    if block.type == "resource":
        text = getattr(block.resource, "text", None)
        return text if isinstance(text, str) else f"[{block.resource.uri}: not text, left out]"
    return f"[{block.mime_type}: not text, left out]"
