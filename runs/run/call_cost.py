"""What one call's cost is made of, and how it stands to what the provider itself says that it costs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from runs.models import Call, PriceQuote
from runs.models.call import CALL_PARTS
from runs.words import PART_WORDS


@dataclass(frozen=True, slots=True)
class CallCost:
    """``parts``: a title and 1e-9 USD each, only those that are not 0; they sum to the cost."""

    parts: Sequence[tuple[str, int]]
    ours_nusd: int | None  # by our price; None: no price is known
    provider_nusd: int | None  # as the provider says; None: it does not say
    is_providers: bool  # the provider's figure is booked
    quote: PriceQuote | None

    @property
    def difference_nusd(self) -> int | None:
        """What the provider says less ours; None unless both are known."""
        if self.ours_nusd is None or self.provider_nusd is None:
            return None
        return self.provider_nusd - self.ours_nusd

    @property
    def entry(self) -> str:
        return "" if self.quote is None else self.quote.model


def cost_of(call: Call) -> CallCost:
    """At most one query."""
    amounts = {part: getattr(call, f"{part}_nusd") or 0 for part in CALL_PARTS}
    ours = sum(amounts.values()) - amounts["beyond_ours"]
    is_known = call.prompt_nusd is not None and call.input_usd_per_mtok is not None
    return CallCost(
        parts=[(PART_WORDS[part], amount) for part, amount in amounts.items() if amount],
        ours_nusd=ours if is_known else None,
        provider_nusd=call.provider_nusd,
        is_providers=call.provider_is_booked,
        quote=PriceQuote.objects.filter(pk=call.quote_id).first() if call.quote_id else None,
    )
