"""Money and launch quotas as pages show them. What is unknown is said to be, and never shown as 0."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

from runs.money import CENT_NUSD, sign_of, sized, to_nusd, to_usd
from runs.money import dollars as dollars_of
from runs.words import lack_price
from teams.texts.times import span

register = template.Library()

NOTHING = "–"


@register.filter
def usd(nusd: int | None) -> SafeString:
    """1e-9 USD as dollars with their sign if below 0: four decimals from a cent on, six below, all nine in the title.
    None is "unpriced"."""
    if nusd is None:
        return mark_safe('<span class="unpriced" title="Nobody knows this model\'s price">unpriced</span>')
    if nusd == 0:
        return mark_safe('<span class="num">$0</span>')
    sign = sign_of(nusd)
    title = f"{sign}${to_usd(abs(nusd)):,.9f}"
    return mark_safe(f'<span class="num" title="{title}">{sign}${in_digits(nusd)}</span>')  # noqa: S308 - figures


def in_digits(nusd: int) -> str:
    """The amount without its sign: four decimals from a cent on, six below."""
    amount = to_usd(abs(nusd))
    return f"{amount:,.4f}" if abs(nusd) >= CENT_NUSD else f"{amount:.6f}"


@register.filter
def sum_usd(nusd: int) -> SafeString:
    """A sum of many calls, in as many digits as its size needs, with its sign if it is below 0; all nine in the
    title."""
    sign = sign_of(nusd)
    title = f"{sign}${to_usd(abs(nusd)):,.9f}"
    return mark_safe(f'<span class="num" title="{title}">{sign}{sized(nusd)}</span>')  # noqa: S308 - figures alone


@register.simple_tag
def sum_cost(rollup: Any) -> SafeString:
    """Like ``cost``, of many calls."""
    if not rollup.unpriced_calls:
        return sum_usd(rollup.spent_nusd)
    title = f"{rollup.unpriced_calls:,} of the calls {lack_price(rollup.unpriced_calls)} not in this sum"
    if not rollup.spent_nusd:
        return format_html('<span class="unpriced" title="{}">unpriced</span>', title)
    return format_html('<span class="num" title="{}">≥&thinsp;{}</span>', title, sum_usd(rollup.spent_nusd))


@register.filter
def abs_sum(nusd: int) -> SafeString:
    return sum_usd(abs(nusd))


@register.simple_tag
def cell_bar(nusd: int, most: int | None) -> SafeString:
    """A small bar below a figure: its part of the largest one."""
    width = round(min(1000.0, 1000 * max(0, nusd) / most), 1) if most and most > 0 else 0
    return format_html(_CELL_BAR, f"{width:g}")


_CELL_BAR = (
    '<svg class="cell-bar" viewBox="0 0 1000 4" preserveAspectRatio="none" aria-hidden="true">'
    '<rect width="{}" height="4"/></svg>'
)


@register.filter
def cents(number: int) -> SafeString:
    """Whole cents as dollars: "$1,204.05"."""
    amount = abs(number)
    return mark_safe(f'<span class="num">{sign_of(number)}${amount // 100:,}.{amount % 100:02}</span>')  # noqa: S308


@register.filter
def usd_or_none(nusd: int | None) -> SafeString:
    """As ``usd``; None means that there is nothing to say, not that a price is unknown."""
    return format_html('<span class="quiet">{}</span>', NOTHING) if nusd is None else usd(nusd)


def plain_usd(nusd: int) -> str:
    """The amount as text alone, for titles and labels."""
    return f"{sign_of(nusd)}${to_usd(abs(nusd)):,.4f}"


@register.filter
def abs_usd(nusd: int) -> SafeString:
    return usd(abs(nusd))


@register.filter
def dollars(nusd: int | None) -> SafeString:
    """1e-9 USD as an exact amount, as budgets are set: "$12.50"."""
    return format_html('<span class="num">{}</span>', NOTHING if nusd is None else dollars_of(nusd))


@register.filter
def exactly(nusd: int) -> str:
    """1e-9 USD with all nine decimals and no sign of the currency, for columns that add up: "1,234.500000000"."""
    return f"{to_usd(nusd):,.9f}".replace("-", "−")


@register.filter
def exact_usd(usd: str | None) -> str:
    """The same of a decimal text in USD; None is "unpriced"."""
    return "unpriced" if usd is None else exactly(to_nusd(Decimal(usd)))


@register.filter
def price(usd: Decimal) -> str:
    """A price as people write it, exactly: "$10", "$2.50", "$0.0375"."""
    whole, _, rest = f"{usd:f}".partition(".")
    rest = rest.rstrip("0")
    return f"${whole}.{rest.ljust(2, '0')}" if rest else f"${whole}"


@register.simple_tag
def cost(rollup: Any) -> SafeString:
    """A rollup's cost. Where some calls have no known price, it is a lower bound and is shown as one."""
    if not rollup.unpriced_calls:
        return usd(rollup.spent_nusd)
    title = f"{rollup.unpriced_calls:,} of the calls {lack_price(rollup.unpriced_calls)} not in this sum"
    if not rollup.spent_nusd:
        return format_html('<span class="unpriced" title="{}">unpriced</span>', title)
    return format_html('<span class="num" title="{}">≥&thinsp;{}</span>', title, usd(rollup.spent_nusd))


@register.inclusion_tag("parts/budget.html")
def budget(standing: Any, name: str) -> dict[str, Any]:
    """A bar of what is spent and held of a budget, with the figures in words.

    ``standing`` has ``budget_nusd``, ``spent_nusd``, ``reserved_nusd`` and perhaps ``unpriced_calls``. Without a budget
    there are the words alone.
    """
    limit, spent, held = standing.budget_nusd, standing.spent_nusd, standing.reserved_nusd
    return {
        "unpriced": getattr(standing, "unpriced_calls", 0),
        "name": name,
        "limit": limit,
        "spent": spent,
        "held": held,
        "left": None if limit is None else max(0, limit - spent - held),
        "used": share(spent, limit) if limit else 100,
        "spent_width": _width(spent, limit),
        "held_width": min(_width(held, limit), 100 - _width(spent, limit)),
    }


@register.filter
def window(seconds: int) -> str:
    """The time in which launches are counted, as people say it after "any" or "the last": "hour", "2 hours"."""
    return span(seconds).removeprefix("1 ")


def share(part: float, whole: float) -> int:
    """Part of whole in percent, between 0 and 100."""
    return max(0, min(100, round(100 * part / whole))) if whole else 0


def _width(part: int, whole: int | None) -> float:
    """In percent, to a hundredth, so that little is not nothing."""
    return min(100.0, round(100 * part / whole, 2)) if whole else 0.0
