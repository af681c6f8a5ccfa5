"""What people type about teams and themselves. ``actions`` decides what may be done."""

from __future__ import annotations

from django import forms

from teams.models import Role
from teams.texts.names import MAX_NAME_CHARS


class TeamNameForm(forms.Form):
    name = forms.CharField(
        label="Name of the team", max_length=MAX_NAME_CHARS, help_text="The team's address stays as it is."
    )


class NewTeamForm(forms.Form):
    name = forms.CharField(label="Name of the team", max_length=MAX_NAME_CHARS)


class OwnNameForm(forms.Form):
    name = forms.CharField(
        label="Your name",
        max_length=MAX_NAME_CHARS,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
        help_text="As others see you. Empty: your e-mail address.",
    )


class RoleForm(forms.Form):
    role = forms.TypedChoiceField(choices=Role.choices, coerce=int)
