"""The form for a price of the team's own. ``actions`` decides what may be set."""

from __future__ import annotations

from typing import Any

from django import forms

from runs.limits.forms import UsdField
from runs.prices.actions import FIGURES, MAX_MODEL_CHARS, PriceOrder
from runs.prices.queries import ModelPrice

PER_MTOK = "USD per million tokens"


def _usd(label: str, help_text: str = "") -> UsdField:
    return UsdField(label=label, help_text=help_text, decimal_places=10, max_digits=20)


class PriceForm(forms.Form):
    """Figures, or another model. ``sure`` is offered once something looks like a mistake."""

    model = forms.CharField(
        max_length=MAX_MODEL_CHARS,
        label="Model",
        help_text="As agents name it, such as azure/my-deployment. A whole provider: hosted_vllm/*.",
    )
    like = forms.CharField(
        required=False,
        max_length=MAX_MODEL_CHARS,
        label="Priced like",
        help_text="Another model's id, such as azure/gpt-4o for its deployment. Then leave the figures empty.",
    )
    input_usd_per_mtok = _usd("Prompt", PER_MTOK)
    output_usd_per_mtok = _usd("Answer", PER_MTOK)
    cached_usd_per_mtok = _usd("Cached prompt", "Empty: as the prompt.")
    cache_write_usd_per_mtok = _usd("Written to the cache", "Empty: as the prompt.")
    reasoning_usd_per_mtok = _usd("Reasoning", "Empty: as the answer.")
    request_usd = _usd("Each request", "USD; empty: no fee.")
    search_usd = _usd("Each search", "USD; empty: no fee.")
    citation_usd_per_mtok = _usd("Citations", PER_MTOK)
    extra_reserve_usd = _usd("Reserved for fees", "USD a call, where only the reply tells how many.")
    sure = forms.BooleanField(required=False, label="The figures are meant as they are")

    def order(self) -> PriceOrder:
        return PriceOrder(**self.cleaned_data)

    @property
    def tokens(self) -> list[forms.BoundField]:
        return [self[name] for name in FIGURES[:5]]

    @property
    def fees(self) -> list[forms.BoundField]:
        return [self[name] for name in FIGURES[5:]]

    @property
    def has_fees(self) -> bool:
        return any(field.value() or field.errors for field in self.fees)


def form_for(price: ModelPrice | None, model: str = "") -> PriceForm:
    """Filled in with what holds now for the model."""
    if price is None:
        return PriceForm(initial={"model": model})
    if price.own is not None and price.own.like:
        return PriceForm(initial={"model": price.model, "like": price.own.like})
    figures: dict[str, Any] = {name: getattr(price.quote, name, None) for name in FIGURES}
    return PriceForm(initial={"model": price.model} | figures)
