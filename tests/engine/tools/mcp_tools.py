"""An MCP server's tools as an agent is given them, from a server on loopback."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import Any

from engine.tools.mcp.server import McpAccess, McpServer
from engine.tools.mcp.session import Timeouts
from engine.web.addresses import Reach

LOCAL = frozenset({"127.0.0.1"})
OBJECT = {"type": "object", "properties": {}}


@asynccontextmanager
async def opened(config: dict[str, Any], *, open_s: float = 20.0, call_s: float = 20.0, **access: Any) -> Any:
    granted = McpAccess(Reach.allowing(LOCAL), timeouts=Timeouts(open_s, call_s), **access)
    async with McpServer(config, granted).open() as tools:
        yield {tool.facts.name: tool for tool in tools}
