"""Forms of a run's rating and comments. ``actions`` decides whether they are accepted."""

from __future__ import annotations

from typing import Any

from django import forms

from agents_app.form_fields import lines
from runs.models import Rating
from runs.ratings.actions import MAX_COMMENT_CHARS, MAX_WORD_CHARS
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


class CommentForm(forms.Form):
    """A new comment, or the changed text of one."""

    text = forms.CharField(
        required=False,
        strip=False,
        label="Comment",
        widget=lines(3, "grows"),
    )

    def __init__(self, data: Any = None, *, comment: int | None = None, text: str = "") -> None:
        name = "comment" if comment is None else f"comment_{comment}"
        super().__init__(data, initial={"text": text}, auto_id=f"{name}_%s")
        self.fields["text"].widget.attrs["maxlength"] = MAX_COMMENT_CHARS
