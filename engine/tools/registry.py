"""Which tools a run has. Makes each from its name and settings: the real one or, in simulated runs, a stand-in."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from engine.cache import Cache
from engine.providers.credential import Credential
from engine.spec.crew_spec import ToolSpec
from engine.spec.tool_settings import fault_of
from engine.tools.calculator import Calculator
from engine.tools.clock import CurrentTime
from engine.tools.knowledge_search import KnowledgeSearch, KnowledgeSource
from engine.tools.tool import Tool, ToolFactory, ToolFacts, ToolFailed, ToolSource

if TYPE_CHECKING:
    from engine.web.addresses import Reach

Toolbox = dict[str, tuple[Tool, ToolSpec]]
"""Tools by the name under which the model calls them, each with the spec that it was made from."""


def toolbox_of(tools: Iterable[Tool]) -> Toolbox:
    """A toolbox of tools without settings, such as those of the engine itself."""
    return {tool.facts.name: (tool, ToolSpec(name=tool.facts.name)) for tool in tools}


class ToolRegistry:
    """The tools of one run by name, and the cache of their results. Each run has its own."""

    def __init__(self, factories: Mapping[str, ToolFactory]) -> None:
        self._factories = dict(factories)
        self.cache = Cache(shares_failures=True)

    @classmethod
    def standard(
        cls,
        *,
        search_api_key: str = "",
        search_base_url: str | None = None,
        reach: Reach | None = None,
        allowed_mcp_commands: Iterable[str] = (),
        mcp_tokens: Mapping[str, Credential] | None = None,
        knowledge: KnowledgeSource | None = None,
    ) -> ToolRegistry:
        """The built-in tools. The variable ``SERPER_BASE_URL`` can name another search service of the same protocol.

        ``allowed_mcp_commands``: exact names of programs that may be started as MCP servers. ``mcp_tokens``: secrets
        of MCP servers, each with its server's address, by the names that tool settings use. ``reach``: where requests
        may go; None for public addresses alone.
        """
        from engine.tools import network_tools  # late: it imports an HTTP client, which many crews never need
        from engine.web.addresses import PUBLIC  # late, as above

        access = network_tools.NetworkAccess(
            search_api_key=search_api_key,
            search_base_url=search_base_url or os.environ.get("SERPER_BASE_URL"),
            reach=reach or PUBLIC,
            mcp_commands=frozenset(allowed_mcp_commands),
            mcp_tokens=dict(mcp_tokens or {}),
        )
        return cls(_local_tools(knowledge) | network_tools.tools(access))

    @classmethod
    def simulated(cls, *, knowledge: KnowledgeSource | None = None) -> ToolRegistry:
        """The built-in tools with stand-ins for those that reach the network. Knowledge is really searched."""
        from engine.tools import network_tools  # late, as above

        return cls(_local_tools(knowledge) | network_tools.simulated_tools())

    def with_tools(self, tools: Iterable[Tool]) -> ToolRegistry:
        """A registry with these tools added, such as functions of the program that uses the Python API."""
        own: dict[str, ToolFactory] = {tool.facts.name: lambda config, tool=tool: tool for tool in tools}  # type: ignore[misc]
        return ToolRegistry(self._factories | own)

    @property
    def names(self) -> frozenset[str]:
        return frozenset(self._factories)

    @asynccontextmanager
    async def open(self, specs: Iterable[ToolSpec]) -> AsyncIterator[Toolbox]:
        """An agent's tools. Their connections stay open within the block.

        Raises ``ToolFailed`` for wrong settings and for servers that cannot be used.
        """
        async with AsyncExitStack() as stack:
            toolbox: Toolbox = {}
            seen: list[ToolSpec] = []
            for spec in specs:
                if spec not in seen:
                    seen.append(spec)
                    for tool in await self._tools(spec, stack):
                        renamed = _with_free_name(tool, toolbox)
                        toolbox[renamed.facts.name] = (renamed, spec)
            yield toolbox

    async def _tools(self, spec: ToolSpec, stack: AsyncExitStack) -> tuple[Tool, ...]:
        if fault := fault_of(spec):
            raise ToolFailed(f"The tool {spec.name} cannot be used: {fault}")
        made = self._factories[spec.name](spec.config)
        if isinstance(made, ToolSource):
            return await stack.enter_async_context(made.open())
        return (made,)


@dataclass(frozen=True, slots=True)
class _Renamed:
    tool: Tool
    facts: ToolFacts

    async def run(self, arguments: dict[str, Any]) -> str:
        return await self.tool.run(arguments)


def _with_free_name(tool: Tool, toolbox: Toolbox) -> Tool:
    """The tool, with a number after its name if the toolbox already has that name."""
    facts, number = tool.facts, 1
    name = facts.name
    while name in toolbox:
        number += 1
        name = f"{facts.name[:60]}_{number}"
    return tool if name == facts.name else _Renamed(tool, replace(facts, name=name, original_name=facts.identity))


def _local_tools(knowledge: KnowledgeSource | None) -> dict[str, ToolFactory]:
    return {
        "calculator": lambda config: Calculator(),
        "current_time": lambda config: CurrentTime(),
        "knowledge_search": lambda config: KnowledgeSearch(knowledge, config),
    }
