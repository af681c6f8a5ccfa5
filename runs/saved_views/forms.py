"""What people type about saved views."""

from __future__ import annotations

from typing import Any

from django import forms

from runs.saved_views.actions import MAX_NAME_CHARS, Shown

MINE, TEAM = "mine", "team"


class NameForm(forms.Form):
    """A view's new name."""

    name = forms.CharField(max_length=MAX_NAME_CHARS, label="Name")


class SaveForm(NameForm):
    """A name for what a list shows, and whose view it is to be; only editors may choose the team."""

    whose = forms.ChoiceField(
        choices=[(MINE, "Mine alone"), (TEAM, "The team’s")], initial=MINE, widget=forms.RadioSelect, label="Whose"
    )
    q = forms.CharField(required=False, widget=forms.HiddenInput)
    sort = forms.CharField(required=False, widget=forms.HiddenInput)
    columns = forms.CharField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, for_team: bool, **options: Any) -> None:
        super().__init__(*args, **options)
        if not for_team:
            self.fields["whose"].choices = [(MINE, "Mine alone")]  # type: ignore[attr-defined]

    def shown(self) -> Shown:
        typed = self.cleaned_data
        return Shown(typed["q"], typed["sort"] or "newest", typed["columns"])
