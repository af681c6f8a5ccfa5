"""The form for how long texts are kept."""

from __future__ import annotations

from django import forms


class KeepTextsForm(forms.Form):
    days = forms.IntegerField(
        required=False,
        label="Days after a run's end",
        help_text="Empty: for ever. What runs used, cost and took is never removed.",
    )
