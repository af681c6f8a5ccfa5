"""The forms of mailed codes. Each try is counted first; ``is_valid`` raises ``TooManyTries`` after too many."""

from __future__ import annotations

from typing import Any

from allauth.account import forms as theirs
from allauth.account.adapter import get_adapter
from allauth.core import context
from django import forms

from engine.text import is_storable
from teams.guessing import tries
from teams.models import User
from teams.signin.adapter import having
from teams.signin.forms import MAX_PASSWORD_CHARS
from teams.signin.limits import CODES, CODES_ASKED, tallies_of

MAX_CODE_CHARS = 40


def _address() -> forms.EmailField:
    widget = forms.EmailInput(attrs={"autocomplete": "username", "autofocus": True})
    return forms.EmailField(label="E-mail", max_length=254, widget=widget)


def _code() -> forms.CharField:
    widget = forms.TextInput(attrs={"autocomplete": "one-time-code", "autofocus": True, "spellcheck": "false"})
    return forms.CharField(label="Code", max_length=MAX_CODE_CHARS, widget=widget)


def _counted_address(email: str) -> str:
    """In lower case. A mail is asked for, whether one is sent or not."""
    email = email.lower()
    if not is_storable(email):
        raise forms.ValidationError("This is no e-mail address.")
    tries.count(*tallies_of(context.request, email, CODES_ASKED))
    return email


class AskCodeForm(theirs.RequestLoginCodeForm):
    _user: User | None
    email = _address()

    def clean_email(self) -> str:
        self.cleaned_data["email"] = _counted_address(self.cleaned_data["email"])
        email: str = super().clean_email()
        self._user = next(iter(having([self._user] if self._user else [], email)), None)
        return email


class ForgotForm(theirs.ResetPasswordForm):
    users: list[User]
    email = _address()

    def clean_email(self) -> str:
        self.cleaned_data["email"] = _counted_address(self.cleaned_data["email"])
        email: str = super().clean_email()
        self.users = having(self.users, email)
        return email


class _CountedCode:
    """Counts a try at the code of an address, and takes it back if it fits."""

    email: str
    cleaned_data: dict[str, Any]

    def clean_code(self) -> str:
        tallies = tallies_of(context.request, self.email.lower(), CODES)
        tries.count(*tallies)
        code: str = super().clean_code()  # type: ignore[misc]
        tries.take_back(*tallies)
        return code


class EnterCodeForm(_CountedCode, theirs.ConfirmLoginCodeForm):
    code = _code()

    def __init__(self, *args: Any, email: str, **options: Any) -> None:
        self.email = email
        super().__init__(*args, **options)


class EnterResetCodeForm(_CountedCode, theirs.ConfirmPasswordResetCodeForm):
    code = _code()

    def __init__(self, *args: Any, email: str, **options: Any) -> None:
        self.email = email
        super().__init__(*args, **options)


class ConfirmAddressForm(_CountedCode, theirs.ConfirmEmailVerificationCodeForm):
    code = _code()

    def __init__(self, *args: Any, email: str, **options: Any) -> None:
        self.email = email
        super().__init__(*args, email=email, **options)


class ChoosePasswordForm(theirs.ResetPasswordKeyForm):
    """Typed once: browsers and password managers show it."""

    password1 = forms.CharField(
        label="New password",
        strip=False,
        max_length=MAX_PASSWORD_CHARS,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text="At least ten characters, and none that is often used.",
    )
    password2 = None

    def clean_password1(self) -> str:
        password: str = get_adapter().clean_password(self.cleaned_data["password1"], self.user)
        return password
