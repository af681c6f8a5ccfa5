"""The choice of what a member is told."""

from __future__ import annotations

from typing import Any

from django import forms

from runs.models import InboxChoice, InboxWish


class InboxForm(forms.Form):
    wish = forms.ChoiceField(
        choices=InboxWish.choices, widget=forms.RadioSelect(attrs={"class": "form-check-input"}), label="Tell me"
    )
    by_mail = forms.BooleanField(
        required=False, label="By mail too", help_text="At most one mail in ten minutes, with all that is new."
    )

    def __init__(self, data: Any = None, *, choice: InboxChoice | None = None) -> None:
        initial = {"wish": choice.wish, "by_mail": choice.by_mail} if choice is not None else None
        super().__init__(data, initial=initial)
