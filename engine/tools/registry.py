"""Which tools a run has: a name and settings to a tool, real ones or, for simulated runs, labelled stand-ins."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

from engine.cache import Cache
from engine.providers.credential import Credential
from engine.spec.crew_spec import ToolSpec
from engine.spec.tool_settings import fault_of
from engine.tools.calculator import Calculator
from engine.tools.clock import CurrentTime
from engine.tools.knowledge_search import KnowledgeSearch, KnowledgeSource
from engine.tools.tool import Tool, ToolFactory, ToolFacts, ToolFailed, ToolSource

Toolbox = dict[str, tuple[Tool, ToolSpec]]
"""Tools by the name under which the model calls them, each with the spec that it was made of."""


def toolbox_of(tools: Iterable[Tool]) -> Toolbox:
    """Tools of the engine's own, which have no settings, as a conversation takes them."""
    return {tool.facts.name: (tool, ToolSpec(name=tool.facts.name)) for tool in tools}


class ToolRegistry:
    """The tools of one run by name, and the cache of their results. Made anew for each run."""

    def __init__(self, factories: Mapping[str, ToolFactory]) -> None:
        self._factories = dict(factories)
        self.cache = Cache(shares_failures=True)

    @classmethod
    def standard(
        cls,
        *,
        search_api_key: str = "",
        search_base_url: str | None = None,
        allowed_private_hosts: Iterable[str] = (),
        allowed_mcp_commands: Iterable[str] = (),
        mcp_tokens: Mapping[str, Credential] | None = None,
        knowledge: KnowledgeSource | None = None,
    ) -> ToolRegistry:
        """The built-in tools. ``SERPER_BASE_URL`` names another search service of the same protocol.

        ``allowed_mcp_commands``: exact names of programs that may be started as MCP servers. ``mcp_tokens``: the secret
        of an MCP server, with its address, by the name that settings call it.
        """
        from engine.tools import (
            network_tools,  # late: it brings an HTTP client, which crews without such tools never need
        )

        access = network_tools.NetworkAccess(
            search_api_key=search_api_key,
            search_base_url=search_base_url or os.environ.get("SERPER_BASE_URL"),
            private_hosts=frozenset(allowed_private_hosts),
            mcp_commands=frozenset(allowed_mcp_commands),
            mcp_tokens=dict(mcp_tokens or {}),
        )
        return cls(_local_tools(knowledge) | network_tools.tools(access))

    @classmethod
    def simulated(cls, *, knowledge: KnowledgeSource | None = None) -> ToolRegistry:
        """Nothing goes to the network: the tools that would go there say that they are simulated. Knowledge is really
        searched.
        """
        from engine.tools import network_tools

        return cls(_local_tools(knowledge) | network_tools.simulated_tools())

    def with_tools(self, tools: Iterable[Tool]) -> ToolRegistry:
        """These tools besides the registry's own: functions of the caller's program, for the Python API."""
        own: dict[str, ToolFactory] = {tool.facts.name: lambda config, tool=tool: tool for tool in tools}  # type: ignore[misc]
        return ToolRegistry(self._factories | own)

    @property
    def names(self) -> frozenset[str]:
        return frozenset(self._factories)

    @asynccontextmanager
    async def open(self, specs: Iterable[ToolSpec]) -> AsyncIterator[Toolbox]:
        """The tools of an agent by the name under which the model calls them, with their connections while they last.

        Raises ``ToolFailed`` for bad settings and for servers that cannot be used.
        """
        async with AsyncExitStack() as stack:
            toolbox: Toolbox = {}
            given: list[ToolSpec] = []
            for spec in specs:
                if spec not in given:
                    given.append(spec)
                    for tool in await self._tools(spec, stack):
                        named = _named_apart(tool, toolbox)
                        toolbox[named.facts.name] = (named, spec)
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


def _named_apart(tool: Tool, toolbox: Toolbox) -> Tool:
    """The tool, with a number behind its name if another one has that name."""
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
