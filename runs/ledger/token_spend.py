"""What a call's tokens cost at the prices kept with it, as SQL: the one rule for rollups, comparisons and the proof.

It is ``engine.catalogue.pricing`` in the database's words. Each expression is for the table under the name ``call`` or,
through ``of``, another one.
"""

from __future__ import annotations

from typing import LiteralString

from runs.models.call import CALL_PARTS

TOKENS: dict[str, LiteralString] = {
    "prompt": "(call.prompt_tokens - call.cached_prompt_tokens - call.cache_write_tokens)",
    "cached": "call.cached_prompt_tokens",
    "cache_write": "call.cache_write_tokens",
    "completion": "call.completion_tokens",
}
"""Tokens of each kind that has a price. Those of the answer include its reasoning."""

USD_PER_MTOK: dict[str, LiteralString] = {
    "prompt": f"({TOKENS['prompt']} * call.input_usd_per_mtok)",
    "cached": f"({TOKENS['cached']} * coalesce(call.cached_usd_per_mtok, call.input_usd_per_mtok))",
    "cache_write": f"({TOKENS['cache_write']} * coalesce(call.cache_write_usd_per_mtok, call.input_usd_per_mtok))",
    "completion": (
        "((call.completion_tokens - call.reasoning_tokens) * call.output_usd_per_mtok"
        " + call.reasoning_tokens * coalesce(call.reasoning_usd_per_mtok, call.output_usd_per_mtok))"
    ),
}
"""Tokens of each kind times their price, in USD per million, not rounded."""

TOOK_MS: LiteralString = "coalesce(nullif(call.took_ms, 0), (call.reply ->> 'latency_ms')::bigint, 0)"
"""How long a call took; 0: it is not known. Calls from before it was kept for itself have it with the reply, as far as
that is kept."""

BY_OUR_PRICE_NUSD: LiteralString = f"""
    round(1000 * ({" + ".join(USD_PER_MTOK.values())} + call.citation_tokens * coalesce(call.citation_usd_per_mtok, 0))
          + 1000000000 * (call.searches * coalesce(call.search_usd, 0) + coalesce(call.request_usd, 0))
          + 1000000 * call.took_ms * coalesce(call.second_usd, 0))
"""
"""The whole cost by our price, fees included, in 1e-9 USD. PostgreSQL rounds NUMERIC half away from zero."""

FEES_NUSD: LiteralString = """
    coalesce(call.citations_nusd + call.searches_nusd + call.request_nusd + call.seconds_nusd
             + call.beyond_ours_nusd, 0)
"""
"""What of the cost no price of the call's own tokens explains."""

CACHE_SAVED_NUSD: LiteralString = (
    "round(1000 * call.cached_prompt_tokens"
    " * (call.input_usd_per_mtok - coalesce(call.cached_usd_per_mtok, call.input_usd_per_mtok)))::bigint"
)
"""What the tokens that were read from the provider's cache would have cost more without it."""

SUM_OF_PARTS_NUSD: LiteralString = f"({' + '.join(f'call.{part}_nusd' for part in CALL_PARTS)})"


def of(table: LiteralString, expression: LiteralString) -> LiteralString:
    """The expression for a table that the query names otherwise."""
    return expression.replace("call.", f"{table}.")
