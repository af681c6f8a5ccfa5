"""How tests sign in by what people have: mailed codes, and codes of an authenticator app."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import struct
import time
from typing import Any

from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP
from django.test import Client

from teams.actions import issue_signin_link
from teams.models import User
from teams.signin import mail
from tests.receiver import MailServer

SECRET = base64.b32encode(b"twenty bytes of it!!").decode()


def app_code(secret: str = SECRET, *, steps: int = 0) -> str:
    """What an app shows now, by RFC 6238, or so many half minutes from now."""
    counter = struct.pack(">Q", int(time.time()) // 30 + steps)
    digest = hmac.new(base64.b32decode(secret), counter, hashlib.sha1).digest()
    at = digest[-1] & 15
    return f"{(struct.unpack('>I', digest[at : at + 4])[0] & 0x7FFFFFFF) % 10**6:06}"


def give_app(user: User) -> None:
    TOTP.activate(user, SECRET)


def recovery_codes(user: User) -> list[str]:
    RecoveryCodes.activate(user)
    codes: list[str] = Authenticator.objects.get(user=user, type="recovery_codes").wrap().get_unused_codes()
    return codes


def by_link(user: User, **options: Any) -> Client:
    """A browser in which they signed in just now."""
    client = Client(**options)
    client.get(f"/signin/{issue_signin_link(user)}/")
    return client


def mailed_code(server: MailServer) -> str:
    """The code of the newest mail."""
    mail.all_sent()
    found = re.search(r"Your code is ([\w-]+)\.", server.mails[-1][1].replace("=\n", ""))
    assert found, server.mails[-1][1]
    return found[1]
