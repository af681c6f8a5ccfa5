"""What people type to keep something under a name, and how a refusal is shown at that."""

from __future__ import annotations

from typing import Any

from django import forms

from runs.named.actions import MAX_NAME_CHARS
from teams.forms import show_refusal
from teams.refusals import Refusal

MINE, TEAM = "mine", "team"


class NameForm(forms.Form):
    """A new name."""

    name = forms.CharField(max_length=MAX_NAME_CHARS, label="Name")

    def explain(self, refusal: Refusal) -> None:
        """At the name, or above the form, which hides the other fields."""
        if "name" in refusal.fields:
            show_refusal(self, refusal)
        else:
            self.add_error(None, refusal.message)


class OwnedNameForm(NameForm):
    """A name, and whose it is to be; only editors may choose the team."""

    whose = forms.ChoiceField(
        choices=[(MINE, "Mine alone"), (TEAM, "The team’s")], initial=MINE, widget=forms.RadioSelect, label="Whose"
    )

    def __init__(self, *args: Any, for_team: bool, **options: Any) -> None:
        super().__init__(*args, **options)
        if not for_team:
            self.fields["whose"].choices = [(MINE, "Mine alone")]  # type: ignore[attr-defined]

    @property
    def is_for_team(self) -> bool:
        """Of a valid form."""
        return bool(self.cleaned_data["whose"] == TEAM)
