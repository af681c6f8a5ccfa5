"""The forms of signing in. What is wrong is said the same whether there is such an account or not."""

from __future__ import annotations

from typing import Any

from allauth.account.adapter import get_adapter
from django import forms
from django.contrib.auth.forms import UsernameField
from django.core.exceptions import ValidationError
from django.http import HttpRequest

from teams.models import User

MAX_PASSWORD_CHARS = 1000


class SignInForm(forms.Form):
    """``user`` is whose password it is, once the form is valid. ``is_valid`` raises ``TooManyTries``, or ``Busy`` if
    too many passwords are being looked at."""

    username = UsernameField(max_length=254)
    password = forms.CharField(strip=False, max_length=MAX_PASSWORD_CHARS, widget=forms.PasswordInput)

    def __init__(self, request: HttpRequest, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.request = request
        self.user: User | None = None

    def clean_username(self) -> str:
        """In lower case, as addresses are kept; else one account would have as many counts as it has spellings."""
        username: str = self.cleaned_data["username"]
        return username.strip().lower()

    def clean(self) -> dict[str, Any]:
        email, password = self.cleaned_data.get("username"), self.cleaned_data.get("password")
        if email is None or not password:
            return self.cleaned_data
        self.user = get_adapter().authenticate(self.request, email=email, password=password)
        if self.user is None:
            raise ValidationError("E-mail and password do not fit.", code="invalid_login")
        return self.cleaned_data


class AgainPasswordForm(forms.Form):
    """One's own password, once more. ``is_valid`` raises as ``SignInForm`` does."""

    password = forms.CharField(
        label="Password",
        strip=False,
        max_length=MAX_PASSWORD_CHARS,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )

    def __init__(self, user: Any, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.user: User = user

    def clean_password(self) -> str:
        password: str = self.cleaned_data["password"]
        if not get_adapter().reauthenticate(self.user, password):
            raise ValidationError("This password does not fit.")
        return password
