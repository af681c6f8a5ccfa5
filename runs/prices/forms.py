"""The form for a price of the team's own. ``actions`` decides what may be set."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone

from engine.catalogue.pricing import Rates
from runs.ledger.prices import FEE_FIELDS, PRICE_FIELDS
from runs.limits.forms import UsdField
from runs.months import midnight
from runs.prices.actions import MAX_MODEL_CHARS, MAX_NOTE_CHARS, PriceOrder
from runs.prices.figures import FIGURES, MOST_TIERS
from runs.prices.queries import ModelPrice
from runs.typed_values import decimal_or_none

PER_MTOK = "USD per million tokens"
NONE = "-"
TIER_FIGURES = PRICE_FIELDS
MOST_TIER_CHARS = 2000
LAST_YEAR = 2199


def _usd(label: str, help_text: str = "") -> UsdField:
    return UsdField(label=label, help_text=help_text, decimal_places=10, max_digits=20)


def _day(label: str, help_text: str) -> forms.DateField:
    return forms.DateField(
        required=False,
        label=label,
        help_text=help_text,
        input_formats=["%Y-%m-%d"],
        widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"}),
        error_messages={"invalid": "Write a day as 2026-12-01."},
    )


class TiersField(forms.CharField):
    """Prices of long prompts, a line for each length. What was typed is shown again as it was."""

    def __init__(self, **options: Any) -> None:
        rows = forms.Textarea(attrs={"rows": 2, "placeholder": "200000  2.50  15"})
        super().__init__(required=False, max_length=MOST_TIER_CHARS, widget=rows, **options)

    def clean(self, value: Any) -> Any:
        text = super().clean(value)
        return tuple(_tiers(text))


class PriceForm(forms.Form):
    """Figures, or another price that it follows. ``sure`` is offered once something looks like a mistake."""

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
    discount_percent = forms.DecimalField(
        required=False,
        label="Discount in percent",
        help_text="Off the list's price, or off that of the model it is like; -5 costs 5 % more. No figures then.",
        widget=forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"}),
    )
    begins_on = _day("Holds from", "In UTC. Empty: from now on.")
    last_day = _day("Last day", "Of a contract or commitment. Empty: until further notice.")
    note = forms.CharField(
        required=False, max_length=MAX_NOTE_CHARS, label="What it rests on", help_text="Such as a contract's number."
    )
    input_usd_per_mtok = _usd("Prompt", PER_MTOK)
    output_usd_per_mtok = _usd("Answer", PER_MTOK)
    cached_usd_per_mtok = _usd("Cached prompt", "Empty: as the prompt.")
    cache_write_usd_per_mtok = _usd("Written to the cache", "Empty: as the prompt.")
    reasoning_usd_per_mtok = _usd("Reasoning", "Empty: as the answer.")
    second_usd = _usd("Each second", "USD, of a server of your own; tokens may be 0 then.")
    request_usd = _usd("Each request", "USD; empty: no fee.")
    search_usd = _usd("Each search", "USD; empty: no fee.")
    citation_usd_per_mtok = _usd("Citations", PER_MTOK)
    extra_reserve_usd = _usd("Reserved for fees", "USD a call, where only the reply tells how many.")
    tiers = TiersField(
        label="Long prompts",
        help_text=(
            "A line for each length: tokens above which it holds, prompt, answer; then cached, written and reasoning, "
            "or - for what has no price of its own."
        ),
    )
    sure = forms.BooleanField(required=False, label="The figures are meant as they are")

    def clean_last_day(self) -> date | None:
        last_day: date | None = self.cleaned_data["last_day"]
        if last_day is not None and last_day.year > LAST_YEAR:
            raise ValidationError(f"Give a day up to {LAST_YEAR}.")
        return last_day

    def order(self) -> PriceOrder:
        given = dict(self.cleaned_data)
        begins_on, last_day = given.pop("begins_on"), given.pop("last_day")
        today = timezone.now().date()
        until = None if last_day is None else midnight(last_day + timedelta(days=1))
        return PriceOrder(**given, begins_at=None if begins_on in (None, today) else midnight(begins_on), until=until)

    @property
    def tokens(self) -> list[forms.BoundField]:
        return [self[name] for name in (*PRICE_FIELDS, "second_usd")]

    @property
    def fees(self) -> list[forms.BoundField]:
        return [self[name] for name in FEE_FIELDS if name != "second_usd"]

    @property
    def has_fees(self) -> bool:
        """Whether what is folded away has something to show."""
        return any(field.value() or field.errors for field in (*self.fees, self["tiers"]))

    def show_at(self, fields: dict[str, str]) -> dict[str, str]:
        """The action's names of fields as this form has them."""
        names = {"begins_at": "begins_on", "until": "last_day"}
        return {names.get(name, name): words for name, words in fields.items()}


def form_for(price: ModelPrice | None, model: str = "") -> PriceForm:
    """Filled in with what holds now for the model."""
    if price is None:
        return PriceForm(initial={"model": model})
    own = price.own
    if own is not None and (own.like or own.discount_percent is not None):
        percent = None if own.discount_percent is None else _plain(own.discount_percent)
        model = own.model if own.like or own.model.endswith("/*") else price.model
        return PriceForm(initial={"model": model, "like": own.like, "discount_percent": percent, "note": own.note})
    figures: dict[str, Any] = {name: getattr(price.price, name, None) for name in FIGURES}
    tiers = "\n".join(_line(tier) for tier in price.price.tiers) if price.price else ""
    note = own.note if own is not None else ""
    return PriceForm(initial={"model": price.model, "tiers": tiers, "note": note} | figures)


def _line(tier: Rates) -> str:
    figures = [getattr(tier, name) for name in TIER_FIGURES]
    while figures[-1] is None:
        figures.pop()
    return "  ".join([str(tier.above_tokens), *(NONE if amount is None else _plain(amount) for amount in figures)])


def _plain(amount: Decimal) -> str:
    return f"{amount.normalize():f}"


def _tiers(text: str) -> Iterator[Rates]:
    lines = [line for line in text.splitlines() if line.strip()]
    if len(lines) > MOST_TIERS:
        raise ValidationError(f"Give at most {MOST_TIERS} lengths.")
    for number, line in enumerate(lines, 1):
        above, *amounts = line.replace("$", "").split()
        above = above.replace(",", "")
        if not above.isascii() or not above.isdigit() or len(above) > 12 or not 2 <= len(amounts) <= len(TIER_FIGURES):
            raise ValidationError(
                f"Line {number}: write the tokens, then the prices of prompt and answer, such as 200000 2.50 15."
            )
        figures = [None if amount == NONE else decimal_or_none(amount) for amount in amounts]
        if any(figure is None and amount != NONE for figure, amount in zip(figures, amounts, strict=True)):
            raise ValidationError(f"Line {number}: a price is written as 2.50.")
        if None in figures[:2]:
            raise ValidationError(f"Line {number}: give the prices of prompt and answer.")
        given: dict[str, Any] = dict(zip(TIER_FIGURES, figures, strict=False))
        yield Rates(**given, above_tokens=int(above))
