"""What people type about their own account. ``actions`` decides what may be done."""

from __future__ import annotations

from allauth.account.forms import AddEmailForm
from django import forms

from teams.signin.forms import MAX_PASSWORD_CHARS


class OwnPasswordForm(forms.Form):
    password = forms.CharField(
        label="New password",
        strip=False,
        max_length=MAX_PASSWORD_CHARS,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text="At least ten characters, and none that is often used.",
    )


class NewAddressForm(AddEmailForm):
    """Another address of one's own; it is confirmed by a code that is mailed there."""

    email = forms.EmailField(
        label="New address",
        max_length=254,
        widget=forms.EmailInput(attrs={"autocomplete": "email"}),
        help_text="A code is mailed there. The account keeps its present address until you enter it.",
    )
