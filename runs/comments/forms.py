"""The form of a comment. ``actions`` decides whether it is accepted."""

from __future__ import annotations

from typing import Any

from django import forms
from django.urls import reverse

from agents_app.form_fields import lines
from runs.comments.actions import MAX_COMMENT_CHARS


class CommentForm(forms.Form):
    """A new comment, or the changed text of one."""

    text = forms.CharField(
        required=False,
        strip=False,
        label="Comment",
        widget=lines(3, "grows"),
    )

    def __init__(self, team: str, data: Any = None, *, comment: int | None = None, text: str = "") -> None:
        """``team``: its slug, whose members are offered as names behind ``@``."""
        name = "comment" if comment is None else f"comment_{comment}"
        super().__init__(data, initial={"text": text}, auto_id=f"{name}_%s")
        self.fields["text"].widget.attrs |= {
            "maxlength": MAX_COMMENT_CHARS,
            "data-completes": reverse("names_at", args=[team]),
            "data-behind": "@",
            "data-options": "Members",
        }
