"""States, waits and ratings in words, from the tables in ``runs.words``, and the label of what is simulated."""

from __future__ import annotations

from functools import lru_cache

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

from engine.text import counted
from runs.words import STARS, WAITS, WASTE_WORDS, WORDS, lack_price, mean_stars

register = template.Library()


@register.filter
def word(code: str) -> str:
    """The word for a state, a purpose, a cost class, a priority or an effect."""
    return WORDS.get(code, code)


@register.filter(name="lack_price")
def lack_price_words(calls: int) -> str:
    """Of so many calls: "has no known price and is", before "not in this sum"."""
    return lack_price(calls)


@register.filter
def waste_words(reason: str) -> str:
    """What a reason of waste means."""
    return WASTE_WORDS.get(reason, "")


@register.filter
def wait(code: str, form: str = "one") -> str:
    """What is waited for. ``form``: ``one`` or ``many`` after "for", ``whole`` for the run's own page."""
    words = WAITS.get(code)
    return str(getattr(words, form)) if words else "something"


@register.simple_tag
@lru_cache(maxsize=100)
def state(code: str) -> SafeString:
    """A state in words, with a mark whose shape tells it too, so that colour is not all there is."""
    return format_html('<span class="state is-{}">{}</span>', code, word(code))


@register.filter
def stars(number: int) -> str:
    """What so many stars mean."""
    return STARS.get(number, "")


@register.simple_tag
def mean_rating(rating_sum: int, rating_count: int) -> SafeString:
    """The mean and how many ratings it is of: "4.33 (3)"; "–" without ratings."""
    if not rating_count:
        return mark_safe('<span class="quiet">–</span>')
    title = f"{counted(rating_sum, 'star')} of 5 in {counted(rating_count, 'rating')}"
    shown, count = mean_stars(rating_sum, rating_count), f"{rating_count:,}"
    return format_html('<span class="num" title="{}">{} <span class="quiet">({})</span></span>', title, shown, count)


@register.simple_tag
def simulated() -> SafeString:
    """The label that everything simulated carries."""
    return mark_safe(
        '<span class="label-of simulated" title="No provider was asked: answers are made up here, tokens are counted, '
        'and costs and seconds are those of models of the kind. No money was spent.">simulated</span>'
    )
