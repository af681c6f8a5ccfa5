"""Amounts of checks against providers: dollars or tokens, and differences with their sign."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

from engine.catalogue.model_ids import PROVIDERS
from runs.money import CENT_NUSD, to_usd
from runs.templatetags.money import usd

register = template.Library()

LEAST_NUSD = 1_000
"""Below it six decimals would show nothing."""


@register.filter
def provider_name(provider: str) -> str:
    """As people call it; "" is the export of a program that does not say whose bill it is."""
    return PROVIDERS.get(provider, provider or "An export")


@register.filter
def at(names: Sequence[str], place: int) -> str:
    return names[place]


@register.simple_tag
def size(amount: int, measure: str) -> SafeString:
    """An amount of ``nusd`` or of ``tokens``. Below 0 for credits."""
    if measure == "tokens":
        return format_html('<span class="num">{}</span>', f"{amount:,}")
    return usd(amount) if amount >= 0 else format_html("−{}", usd(-amount))


@register.simple_tag
def difference(amount: int, measure: str) -> SafeString:
    """With its sign, and without a judgement: neither side is right by itself."""
    if not amount:
        return format_html('<span class="quiet">{}</span>', "0")
    sign = "+" if amount > 0 else "−"
    if measure == "tokens":
        return format_html('<span class="num">{}{}</span>', sign, f"{abs(amount):,}")
    exact = to_usd(abs(amount))
    shown = (
        f"{exact:,.4f}" if abs(amount) >= CENT_NUSD else f"{exact:.6f}" if abs(amount) >= LEAST_NUSD else f"{exact:.9f}"
    )
    return format_html('<span class="num" title="{}${}">{}${}</span>', sign, f"{exact:,.9f}", sign, shown)


@register.filter
def difference_of(check: Any) -> SafeString:
    """Theirs less ours of a kept check; a dash where the export tells no cost."""
    if check.theirs_nusd is None:
        return format_html('<span class="quiet">{}</span>', "tokens alone")
    return difference(check.theirs_nusd - check.ours_nusd, "nusd")
