"""Durations and moments as pages show them."""

from __future__ import annotations

from datetime import datetime

from django import template
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

register = template.Library()

NOTHING = "–"
DAY_S = 86_400
WEEK_S = 7 * DAY_S


@register.filter
def took(milliseconds: int | None) -> str:
    """Milliseconds as people read them."""
    if milliseconds is None:
        return NOTHING
    if milliseconds < 1000:
        return f"{milliseconds} ms"
    if milliseconds < 99_950:
        return f"{milliseconds / 1000:.1f} s"
    minutes, seconds = divmod(round(milliseconds / 1000), 60)
    return f"{minutes} min {seconds:02d} s" if minutes < 120 else f"{minutes // 60} h {minutes % 60:02d} min"


@register.filter
def signed_took(milliseconds: int) -> str:
    """A difference with its sign: "−4.5 s"."""
    return f"{'−' if milliseconds < 0 else '+'}{took(abs(milliseconds))}"


@register.filter
def aged(seconds: float) -> str:
    """An age in seconds as people say it."""
    return f"{seconds / DAY_S:.1f} d" if seconds >= 2 * DAY_S else took(round(seconds * 1000))


@register.filter
def moment(when: datetime | None) -> SafeString:
    """How long ago, with the exact time in the title."""
    if when is None:
        return SafeString(NOTHING)
    seconds = (timezone.now() - when).total_seconds()
    text = _ago(seconds) if seconds < WEEK_S else f"{when:%Y-%m-%d}"
    exact = when.isoformat()
    # Nothing in it is anybody's text.
    return SafeString(f'<time class="num" datetime="{exact}" title="{exact[:10]} {exact[11:19]} UTC">{text}</time>')


@register.filter
def until(when: datetime) -> str:
    """How long it is until then; "now" once it is past."""
    seconds = (when - timezone.now()).total_seconds()
    return f"in {seconds:.0f} s" if seconds >= 1 else "now"


@register.simple_tag
def ticking(since: datetime | None) -> SafeString:
    """The time since then; a script lets it tick on where there is one."""
    if since is None:
        return SafeString(NOTHING)
    milliseconds = round((timezone.now() - since).total_seconds() * 1000)
    return format_html('<time data-since="{}">{}</time>', since.isoformat(), took(max(0, milliseconds)))


def _ago(seconds: float) -> str:
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{int(seconds // size)} {unit} ago"
    return "just now" if seconds < 10 else f"{int(seconds)} s ago"
