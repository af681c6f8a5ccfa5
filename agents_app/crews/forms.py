"""What people type to begin a crew."""

from __future__ import annotations

from django import forms


class NameForm(forms.Form):
    """The name of a new crew."""

    name = forms.CharField(max_length=200)
