"""The sign-in form: which tries are counted, and how many are allowed."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django import forms
from django.contrib.auth.forms import AuthenticationForm
from django.http import HttpRequest

from teams.guessing import hashing, tries
from teams.guessing.address import client_address
from teams.guessing.tries import Limit, Tally
from teams.signin.known_browser import known_browser

MAX_PASSWORD_CHARS = 1000

ACCOUNT_FROM_ADDRESS = Limit("passwords of one account from one address", 5, timedelta(minutes=5))
ADDRESS = Limit("passwords from one address", 20, timedelta(minutes=5))
ACCOUNT = Limit("passwords of one account", 30, timedelta(minutes=15))
KNOWN_BROWSER = Limit("passwords from a browser of the account", 10, timedelta(minutes=5))


class SignInForm(AuthenticationForm):
    """Counts a try before the password is looked at, so that many at once are not all looked at, and takes it back if
    the password fits. ``is_valid`` raises ``TooManyTries``, or ``Busy`` if too many passwords are being looked at.
    """

    request: HttpRequest

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        password = forms.CharField(strip=False, max_length=MAX_PASSWORD_CHARS, widget=forms.PasswordInput)
        self.fields["password"] = password

    def clean_username(self) -> str:
        """In lower case, as addresses are kept; else one account would have as many counts as it has spellings."""
        username: str = self.cleaned_data["username"]
        return username.lower()

    def clean(self) -> dict[str, Any]:
        email, password = self.cleaned_data.get("username"), self.cleaned_data.get("password")
        if email is None or not password:
            return self.cleaned_data
        tallies = tallies_of(self.request, email)
        with hashing.place():
            tries.count(*tallies)
            super().clean()
            tries.take_back(*tallies)
        return self.cleaned_data


def tallies_of(request: HttpRequest, email: str) -> tuple[Tally, ...]:
    """What a try counts on: the browser, if it is known for this account; else account and address, in that order."""
    if browser := known_browser(request, email):
        return (Tally(KNOWN_BROWSER, browser),)
    address = client_address(request)
    return (Tally(ACCOUNT_FROM_ADDRESS, f"{email}\n{address}"), Tally(ADDRESS, address), Tally(ACCOUNT, email))
