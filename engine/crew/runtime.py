"""Everything that a run is given. Nothing in the engine is global, so two runs share only what their caller shares."""

from __future__ import annotations

from dataclasses import dataclass, field

from engine.bounded import Effort
from engine.cache import Cache
from engine.catalogue.pricing import PriceTable
from engine.crew.token_bounds import KnownRoom
from engine.providers.llm import LLMClient
from engine.record.journal import Journal
from engine.record.limits import Limits
from engine.record.progress import Emit, ignore
from engine.tools.memory import Memory, TextMemory
from engine.tools.registry import ToolRegistry


@dataclass(frozen=True, slots=True)
class Runtime:
    """One run's model client, journal, prices, tools, limits and caches, its crew's memory, and who gets its events.

    ``replies``, ``outputs`` and ``tool_results`` are caches across runs: of model replies, of whole tasks' outputs, and
    of tool results. Each is used only where a spec or a tool says for how long. ``cheaper``: if a budget does not cover
    a request, the model's fallbacks and then ``cheaper_model`` are asked instead, provided that they are cheaper.
    ``effort``: for checking what models say. ``room``: what servers said about their models' windows.
    """

    llm: LLMClient
    journal: Journal
    prices: PriceTable
    tools: ToolRegistry = field(default_factory=ToolRegistry.standard)
    limits: Limits = field(default_factory=Limits)
    replies: Cache = field(default_factory=Cache)
    outputs: Cache = field(default_factory=Cache)
    tool_results: Cache = field(default_factory=lambda: Cache(shares_failures=True))
    memory: Memory = field(default_factory=TextMemory)
    emit: Emit = ignore
    effort: Effort = field(default_factory=Effort)
    room: KnownRoom = field(default_factory=KnownRoom)
    cheaper: bool = False
    cheaper_model: str = ""
