"""What is looked for in the log."""

from __future__ import annotations

from typing import Any

from django import forms

from teams.audit.record import NAMES
from teams.log.queries import Asked
from teams.models import Way

MAX_ID = 2**63 - 1
KINDS = sorted({action.partition(".")[0] for action in NAMES})


def _choices_of(kind: str) -> tuple[str, list[tuple[str, str]]]:
    actions = sorted(action for action in NAMES if action.startswith(f"{kind}."))
    return kind, [(kind, f"{kind}: anything"), *((action, action) for action in actions)]


class LogForm(forms.Form):
    """The filter of the page and of its files; it is sent by GET."""

    person = forms.CharField(label="Who", max_length=254, required=False)
    action = forms.ChoiceField(
        label="What",
        required=False,
        choices=[("", "anything"), *(_choices_of(kind) for kind in KINDS)],
    )
    thing = forms.CharField(label="To what", max_length=200, required=False)
    way = forms.ChoiceField(label="How", required=False, choices=[("", "any way"), *Way.choices])
    since = forms.DateField(label="From", required=False, widget=forms.DateInput(attrs={"type": "date"}))
    until = forms.DateField(label="To", required=False, widget=forms.DateInput(attrs={"type": "date"}))
    before = forms.IntegerField(required=False, min_value=1, max_value=MAX_ID, widget=forms.HiddenInput)

    def asked(self) -> Asked:
        """Of a form that was found valid."""
        given: dict[str, Any] = {name: value for name, value in self.cleaned_data.items() if name != "before"}
        return Asked(**given)
