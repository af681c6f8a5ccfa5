"""What people type about saved scenarios."""

from __future__ import annotations

from django import forms

from runs.named.forms import OwnedNameForm


class SaveForm(OwnedNameForm):
    """A name for a question, and whose it is to be. ``asked`` is the address's query."""

    asked = forms.CharField(widget=forms.HiddenInput)
