"""What people type about invitations. ``actions`` decides what may be done."""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings

from teams.invitations.actions import MAX_DAYS, MAX_PASSWORD_CHARS, USUAL_DAYS
from teams.models import Role
from teams.texts.names import MAX_NAME_CHARS

DAYS = [(1, "1 day"), (USUAL_DAYS, f"{USUAL_DAYS} days"), (MAX_DAYS, f"{MAX_DAYS} days")]


class InviteForm(forms.Form):
    """A new invitation. It can be mailed where mail is set up."""

    email = forms.CharField(
        label="E-mail address",
        max_length=254,
        required=False,
        widget=forms.EmailInput(attrs={"autocomplete": "off"}),
        help_text="Only this address can accept. Empty: whoever has the link and an account here.",
    )
    role = forms.TypedChoiceField(choices=Role.choices, coerce=int, initial=Role.RUNNER)
    days = forms.TypedChoiceField(label="Works for", choices=DAYS, coerce=int, initial=USUAL_DAYS)
    mail = forms.BooleanField(label="Send the link to that address", required=False)

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        if not settings.EMAIL_READY:
            del self.fields["mail"]

    def clean(self) -> dict[str, Any]:
        if self.cleaned_data.get("mail") and not self.cleaned_data.get("email"):
            self.add_error("mail", "Give the address to send it to.")
        return self.cleaned_data


class NewAccountForm(forms.Form):
    """Who has no account yet: a name, and a password that keeps them in."""

    name = forms.CharField(max_length=MAX_NAME_CHARS, widget=forms.TextInput(attrs={"autocomplete": "name"}))
    password = forms.CharField(
        strip=False,
        max_length=MAX_PASSWORD_CHARS,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text="At least ten characters, and none that is often used.",
    )
