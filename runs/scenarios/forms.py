"""What people type about saved scenarios."""

from __future__ import annotations

from typing import Any

from django import forms

from runs.scenarios.actions import MAX_NAME_CHARS

MINE, TEAM = "mine", "team"


class NameForm(forms.Form):
    """A scenario's new name."""

    name = forms.CharField(max_length=MAX_NAME_CHARS, label="Name")


class SaveForm(NameForm):
    """A name, and whose it is to be; only editors may choose the team. ``asked`` is the address's query."""

    whose = forms.ChoiceField(
        choices=[(MINE, "Mine alone"), (TEAM, "The team’s")], initial=MINE, widget=forms.RadioSelect, label="Whose"
    )
    asked = forms.CharField(widget=forms.HiddenInput)

    def __init__(self, *args: Any, for_team: bool, **options: Any) -> None:
        super().__init__(*args, **options)
        if not for_team:
            self.fields["whose"].choices = [(MINE, "Mine alone")]  # type: ignore[attr-defined]
