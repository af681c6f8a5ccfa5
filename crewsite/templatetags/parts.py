"""The small parts that pages are made of: money, tokens, durations, moments, states, labels and form fields."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django import template
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

from runs.bounds.quotas import span as span_of
from runs.money import dollars as dollars_of
from runs.money import to_usd

register = template.Library()

NOTHING = "–"
CENT_NUSD = 10_000_000
DAY_S = 86_400
WEEK_S = 7 * DAY_S
STATE_WORDS = {"intent": "open"}


@register.filter
def usd(nusd: int | None) -> SafeString:
    """1e-9 USD as dollars: four decimals from a cent on, six below, all nine in the title. Unknown is said, never 0."""
    if nusd is None:
        return mark_safe('<span class="unpriced" title="Nobody knows this model\'s price">unpriced</span>')
    if nusd == 0:
        return mark_safe('<span class="num">$0</span>')
    amount = to_usd(nusd)
    shown = f"{amount:,.4f}" if nusd >= CENT_NUSD else f"{amount:.6f}"
    return format_html('<span class="num" title="${}">${}</span>', f"{amount:,.9f}", shown)


@register.filter
def dollars(nusd: int | None) -> SafeString:
    """1e-9 USD as an exact amount, as budgets are set: "$12.50"."""
    return format_html('<span class="num">{}</span>', NOTHING if nusd is None else dollars_of(nusd))


@register.simple_tag
def cost(rollup: Any) -> SafeString:
    """A rollup's cost. Where some calls have no known price it is a lower bound, and is shown as one."""
    if not rollup.unpriced_calls:
        return usd(rollup.spent_nusd)
    title = f"{rollup.unpriced_calls} of the calls have no known price and are not in this sum"
    if not rollup.spent_nusd:
        return format_html('<span class="unpriced" title="{}">unpriced</span>', title)
    return format_html('<span class="num" title="{}">≥&thinsp;{}</span>', title, usd(rollup.spent_nusd))


@register.filter
def count(number: int | None) -> str:
    """A whole number with thousands separators."""
    return NOTHING if number is None else f"{number:,}"


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
    return format_html(
        '<time class="num" datetime="{}" title="{} UTC">{}</time>', when.isoformat(), f"{when:%Y-%m-%d %H:%M:%S}", text
    )


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


@register.simple_tag
def state(value: str) -> SafeString:
    """A state in words, with a mark whose shape tells it too, so that colour is not all there is."""
    return format_html('<span class="state is-{}">{}</span>', value, STATE_WORDS.get(value, value))


@register.simple_tag
def simulated() -> SafeString:
    """The label that everything simulated carries."""
    return mark_safe(
        '<span class="label-of simulated" title="No provider was asked: answers are made up here, tokens are counted, '
        'and costs are those of the models that are stood for. No money was spent.">simulated</span>'
    )


@register.filter
def get(mapping: Any, key: Any) -> Any:
    """``mapping[key]``, or None."""
    return mapping.get(key) if hasattr(mapping, "get") else None


@register.filter
def bound(form: Any, name: str) -> Any:
    """The form's field of that name."""
    return form[name]


@register.filter
def share(part: float, whole: float) -> int:
    """Part of whole in percent, between 0 and 100."""
    return max(0, min(100, round(100 * part / whole))) if whole else 0


@register.filter
def window(seconds: int) -> str:
    """A length of time as people say it after "any" or "the last": "hour", "2 hours"."""
    return span_of(seconds).removeprefix("1 ")


@register.inclusion_tag("parts/cell.html")
def cell(bound_field: Any) -> dict[str, Any]:
    """A form field in a table, which labels it by ``aria-label``: the field and what is wrong with it."""
    attributes = {"class": _css(bound_field.field.widget, wrong=bool(bound_field.errors))}
    if bound_field.errors:
        attributes |= {"aria-invalid": "true", "aria-describedby": f"{bound_field.auto_id}_about"}
    return {"bound": bound_field, "widget": bound_field.as_widget(attrs=attributes)}


@register.inclusion_tag("parts/budget.html")
def budget(standing: Any, name: str) -> dict[str, Any]:
    """A bar of what is spent and held of a budget, with the figures in words. ``standing`` has ``budget_nusd``,
    ``spent_nusd`` and ``reserved_nusd``; without a budget there are the words alone."""
    limit, spent, held = standing.budget_nusd, standing.spent_nusd, standing.reserved_nusd
    used = share(spent, limit) if limit else 100
    return {
        "name": name,
        "limit": limit,
        "spent": spent,
        "held": held,
        "left": None if limit is None else max(0, limit - spent - held),
        "used": used,
        "spent_width": _width(spent, limit),
        "held_width": min(_width(held, limit), 100 - _width(spent, limit)),
    }


@register.inclusion_tag("parts/field.html")
def field(bound_field: Any, size: str = "") -> dict[str, Any]:
    """A form field with its label, help, errors and the spec's complaints, tied together for screen readers.

    ``size`` is its width in a grid of fields: ``half``, ``third`` or all of it.
    """
    widget = bound_field.field.widget
    complaints = getattr(bound_field.form, "complaints", {}).get(bound_field.name, ())
    attributes = {"class": _css(widget, wrong=bool(bound_field.errors))}
    if bound_field.help_text or bound_field.errors or complaints:
        attributes["aria-describedby"] = f"{bound_field.auto_id}_about"
    if bound_field.errors:
        attributes["aria-invalid"] = "true"
    kind = getattr(widget, "input_type", "")
    group = hasattr(widget, "choices") and kind in ("checkbox", "radio")
    return {
        "bound": bound_field,
        "kind": "group" if group else kind,
        "widget": "" if group else bound_field.as_widget(attrs=attributes),
        "complaints": complaints,
        "size": size,
    }


def _width(part: int, whole: int | None) -> float:
    """In percent, to a hundredth, so that little is not nothing."""
    return min(100.0, round(100 * part / whole, 2)) if whole else 0.0


def _css(widget: Any, *, wrong: bool) -> str:
    kind = getattr(widget, "input_type", "")
    css = {"checkbox": "form-check-input", "select": "form-select"}.get(kind, "form-control")
    own = widget.attrs.get("class", "")
    return " ".join(filter(None, (css, own, "is-invalid" if wrong else "")))


def _ago(seconds: float) -> str:
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{int(seconds // size)} {unit} ago"
    return "just now" if seconds < 10 else f"{int(seconds)} s ago"
