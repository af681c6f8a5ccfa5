"""What a model can do natively, according to the price list: call functions, and answer in a given schema.

What a model cannot do natively is asked for in words, by ``crew.tool_text`` and ``crew.prompt``.
"""

from __future__ import annotations

from typing import Any

from engine.catalogue import price_list
from engine.catalogue.model_ids import provider_of


def takes_tools(model: str) -> bool:
    """Whether the model calls functions. A model that the list does not know is assumed to, as most do."""
    facts = price_list.facts(model)
    return facts is None or facts.tools


def takes_schema(model: str, schema: dict[str, Any], *, beside_tools: bool) -> bool:
    """Whether the model can be given the JSON Schema of its answer.

    OpenAI's parameter takes schemas of objects only. Beside tools only OpenAI's own providers take it: for the others
    LiteLLM would turn the schema into one more tool.
    """
    facts = price_list.facts(model)
    if facts is None or not facts.schema or schema.get("type") != "object":
        return False
    return not beside_tools or provider_of(model) in ("openai", "azure")
