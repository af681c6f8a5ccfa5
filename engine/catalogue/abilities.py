"""What a model can do by itself, by the price list: call functions, and hold to a schema.

What it cannot is done in words, by ``tool_text`` and ``prompt``.
"""

from __future__ import annotations

from typing import Any

from engine.catalogue import price_list
from engine.catalogue.model_ids import provider_of


def takes_tools(model: str) -> bool:
    """Whether the model calls functions; one that the list does not know is taken to, as most do."""
    facts = price_list.facts(model)
    return facts is None or facts.tools


def takes_schema(model: str, schema: dict[str, Any], *, beside_tools: bool) -> bool:
    """Whether the model holds to a JSON Schema by itself: OpenAI's form takes objects only, and only OpenAI's own
    providers take it beside tools; for the others LiteLLM makes a tool of it.
    """
    facts = price_list.facts(model)
    if facts is None or not facts.schema or schema.get("type") != "object":
        return False
    return not beside_tools or provider_of(model) in ("openai", "azure")
