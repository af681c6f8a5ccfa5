"""Which tries at signing in are counted, on what, and how many are allowed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from django.http import HttpRequest

from teams.guessing.address import client_address
from teams.guessing.tries import Limit, Tally
from teams.signin.known_browser import known_browser

FIVE_MINUTES, QUARTER = timedelta(minutes=5), timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Limits:
    """A try counts on the last alone, if it comes from a browser that is known for the account; else on all others."""

    account_from_address: Limit
    address: Limit
    account: Limit
    known_browser: Limit


PASSWORDS = Limits(
    Limit("passwords of one account from one address", 5, FIVE_MINUTES),
    Limit("passwords from one address", 20, FIVE_MINUTES),
    Limit("passwords of one account", 30, QUARTER),
    Limit("passwords from a browser of the account", 10, FIVE_MINUTES),
)
CODES_ASKED = Limits(
    Limit("codes asked for one account from one address", 3, QUARTER),
    Limit("codes asked from one address", 20, QUARTER),
    Limit("codes asked for one account", 6, QUARTER),
    Limit("codes asked from a browser of the account", 6, QUARTER),
)
"""Mails to an address that somebody typed."""
CODES = Limits(
    Limit("mailed codes of one account from one address", 10, QUARTER),
    Limit("mailed codes from one address", 40, QUARTER),
    Limit("mailed codes of one account", 30, QUARTER),
    Limit("mailed codes from a browser of the account", 15, QUARTER),
)
"""Beside the three that allauth allows for each code, which many requests at once get around."""
SECOND_FACTORS = Limits(
    Limit("second factors of one account from one address", 5, FIVE_MINUTES),
    Limit("second factors from one address", 20, FIVE_MINUTES),
    Limit("second factors of one account", 20, QUARTER),
    Limit("second factors from a browser of the account", 10, FIVE_MINUTES),
)
WRONG_PASSKEYS = Limit("passkeys", 20, FIVE_MINUTES)
"""Of one address. No number of tries finds one, so that one that fits always works."""
BEGUN = Limit("sign-ins by a passkey or elsewhere that were begun", 100, FIVE_MINUTES)
"""From one address: each makes a session, or asks a server elsewhere."""
USED_CODE = Limit("second factor that was used", 1, timedelta(minutes=2))
"""A code of an app or a recovery code works once, also where several processes are asked at the same moment."""


def tallies_of(request: HttpRequest, email: str, limits: Limits = PASSWORDS) -> tuple[Tally, ...]:
    """What a try counts on: the browser, if it is known for this account; else account and address, in that order."""
    if browser := known_browser(request, email):
        return (Tally(limits.known_browser, browser),)
    address = client_address(request)
    return (
        Tally(limits.account_from_address, f"{email}\n{address}"),
        Tally(limits.address, address),
        Tally(limits.account, email),
    )
