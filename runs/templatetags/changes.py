"""How a figure stands to that of the period before: direction, size and judgement, never by colour alone."""

from __future__ import annotations

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

from runs.money import sign_of, sized, to_usd
from runs.templatetags.money import in_digits

register = template.Library()


@register.simple_tag
def change(now: float | None, before: float | None, kind: str) -> SafeString:
    """``kind``: ``money`` in nano-dollars and ``ms`` are good if they shrink, ``share`` is good if it grows; ``stars``
    are not judged, since a few ratings tell little. Nothing to compare with is said in words.
    """
    if now is None or before is None or (kind != "share" and not before):
        return format_html('<span class="quiet">{}</span>', "none before") if now else SafeString("")
    difference = now - before
    if not difference:
        return format_html('<span class="quiet">{}</span>', "as before")
    arrow = "↑" if difference > 0 else "↓"
    return format_html(
        '<span class="num {}" title="{} before">{}&thinsp;{}</span>',
        _judged(difference, kind),
        _amount(before, kind),
        arrow,
        _size(difference, before, kind),
    )


def _judged(difference: float, kind: str) -> str:
    if kind == "stars":
        return "quiet"
    return "good" if (difference > 0) == (kind == "share") else "bad"


def _size(difference: float, before: float, kind: str) -> str:
    if kind == "share":
        return f"{abs(100 * difference):.1f} points"
    if kind == "stars":
        return f"{abs(float(difference)):.2f}"
    percent = abs(100 * difference / before)
    return f"{percent:,.0f} %" if percent >= 10 else f"{percent:.1f} %"


def _amount(figure: float, kind: str) -> str:
    if kind == "money":
        nusd = round(figure)
        return f"{sign_of(nusd)}${to_usd(abs(nusd)):,.9f}"
    if kind == "stars":
        return f"{float(figure):.2f}"
    return f"{figure / 1000:,.3f} s" if kind == "ms" else f"{100 * figure:.1f} %"


@register.filter
def percent(share: float | None) -> str:
    """A part of 1 as percent: "96.1 %"."""
    return "–" if share is None else f"{100 * share:.1f} %"


@register.simple_tag
def share_of(part: int, whole: int) -> str:
    """A difference as a part of what it is a difference from: "−61.3 %"."""
    return signed(100 * part / whole) if whole else ""


@register.simple_tag
def signed_percent(percent: float) -> str:
    """By how much more or less: "3.1 % more", "0.5 % fewer", "as many"."""
    shown = f"{abs(percent):.1f}"
    return "as many" if shown == "0.0" else f"{shown} % {'more' if percent > 0 else 'fewer'}"


def signed(percent: float) -> str:
    return f"{'+' if percent > 0 else '−'}{abs(percent):,.1f} %"


@register.simple_tag
def signed_usd(nusd: int) -> SafeString:
    """A difference in dollars with its sign, in as many digits as ``usd`` gives the amounts that it is between:
    "+$1.2000", "−$0.003000". More is bad, less is good."""
    sign, judged = ("+", "bad") if nusd > 0 else ("−", "good")
    exact = f"{sign}${to_usd(abs(nusd)):,.9f}"
    return format_html('<span class="num {}" title="{}">{}${}</span>', judged, exact, sign, in_digits(nusd))


@register.filter
def signed_sum(nusd: int) -> SafeString:
    """A difference of sums with its sign, in as many digits as its size needs; all nine in the title."""
    if not nusd:
        return format_html('<span class="num quiet">{}</span>', "$0")
    sign, judged = ("+", "bad") if nusd > 0 else ("−", "good")
    exact = f"{sign}${to_usd(abs(nusd)):,.9f}"
    return format_html('<span class="num {}" title="{}">{}{}</span>', judged, exact, sign, sized(nusd))
