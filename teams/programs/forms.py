"""What owners type about programs. ``actions`` decides what may be done."""

from __future__ import annotations

from django import forms

from teams.models import Role
from teams.programs.actions import ROLES
from teams.texts.names import MAX_NAME_CHARS, PROGRAM


class ProgramForm(forms.Form):
    name = forms.CharField(max_length=MAX_NAME_CHARS - len(PROGRAM), help_text="As bills and the log name it.")
    role = forms.TypedChoiceField(
        choices=[(role.value, role.label) for role in ROLES], coerce=lambda typed: Role(int(typed)), initial=Role.RUNNER
    )
