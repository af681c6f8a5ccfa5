"""What people type about saved views."""

from __future__ import annotations

from django import forms

from runs.named.forms import OwnedNameForm
from runs.saved_views.actions import Shown


class SaveForm(OwnedNameForm):
    """A name for what a list shows, and whose view it is to be."""

    q = forms.CharField(required=False, widget=forms.HiddenInput)
    sort = forms.CharField(required=False, widget=forms.HiddenInput)
    columns = forms.CharField(required=False, widget=forms.HiddenInput)

    def shown(self) -> Shown:
        typed = self.cleaned_data
        return Shown(typed["q"], typed["sort"] or "newest", typed["columns"])
