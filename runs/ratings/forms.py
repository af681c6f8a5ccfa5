"""The form of a run's rating. ``actions`` decides whether it is accepted."""

from __future__ import annotations

from typing import Any

from django import forms

from runs.models import Rating
from runs.ratings.actions import MAX_WORD_CHARS
from runs.words import STARS


class RatingForm(forms.Form):
    """One to five stars, and why in a word."""

    stars = forms.TypedChoiceField(
        choices=list(STARS.items()),
        coerce=int,
        widget=forms.RadioSelect,
        label="Your rating",
        error_messages={"required": "Choose a number from 1 to 5.", "invalid_choice": "Choose a number from 1 to 5."},
    )
    word = forms.CharField(
        required=False,
        label="Why, in a word",
        widget=forms.TextInput(attrs={"maxlength": MAX_WORD_CHARS, "autocomplete": "off"}),
    )

    def __init__(self, data: Any = None, *, own: Rating | None = None) -> None:
        initial = {} if own is None else {"stars": own.stars, "word": own.word}
        super().__init__(data, initial=initial, auto_id="rate_%s")
