"""Mails of signing in: codes, and what somebody has to know of their account. They are sent by a thread of their own,
so that an answer takes the same time whether there is such an account or not, and no page waits for a mail server.

A mail that waits is lost with its process; whoever waits for a code asks for another.
"""

from __future__ import annotations

import logging
from concurrent.futures import Future, ThreadPoolExecutor
from smtplib import SMTPException
from threading import BoundedSemaphore

from django.conf import settings
from django.core.mail import EmailMessage

log = logging.getLogger(__name__)

MOST_WAITING = 200
"""In a process. What is more is dropped and logged; a mail server that is away must not fill the memory."""

CODE = "Your code is {code}. It works for {minutes} minutes, in the browser in which it was asked for."
IGNORE = "If you did not ask for it, do nothing: nobody gets in without it. Never tell it to anybody."
NOT_YOU = "If it was not you, sign in, end all other sessions and choose a new password: {url}"
WORDS: dict[str, tuple[str, tuple[str, ...]]] = {
    "account/email/login_code": ("Your code to sign in", (CODE, IGNORE)),
    "account/email/password_reset_code": ("Your code for a new password", (CODE, IGNORE)),
    "account/email/email_confirmation": ("Your code to confirm this address", (CODE, IGNORE)),
    "account/email/account_already_exists": (
        "An account uses this address",
        ("Somebody wanted this address for another account. An account has it already, so nothing was changed.",),
    ),
    "account/email/email_changed": (
        "Your address was changed",
        ("Your account signs in with {to_email} from now on, and no longer with {from_email}.", NOT_YOU),
    ),
    "account/email/password_changed": ("Your password was changed", (NOT_YOU,)),
    "account/email/password_reset": ("Your password was changed", (NOT_YOU,)),
    "account/email/password_set": ("Your account has a password now", (NOT_YOU,)),
    "mfa/email/totp_activated": ("An authenticator app was added", (NOT_YOU,)),
    "mfa/email/totp_deactivated": ("An authenticator app was removed", (NOT_YOU,)),
    "mfa/email/webauthn_added": ("A passkey was added", (NOT_YOU,)),
    "mfa/email/webauthn_removed": ("A passkey was removed", (NOT_YOU,)),
    "mfa/email/recovery_codes_generated": ("Your recovery codes were made anew", (NOT_YOU,)),
    "socialaccount/email/account_connected": ("{provider} can sign you in now", (NOT_YOU,)),
    "socialaccount/email/account_disconnected": ("{provider} no longer signs you in", (NOT_YOU,)),
    "account/email/closed": (
        "Your account is closed",
        ("Nobody can sign in to it any more. If it was not you, ask whoever runs this installation to open it again.",),
    ),
}
"""By allauth's name of the mail: its subject and its lines. What is not named here is not sent."""

_thread = ThreadPoolExecutor(1, thread_name_prefix="sign-in mail")
_waiting = BoundedSemaphore(MOST_WAITING)


def tell(name: str, email: str, **values: object) -> None:
    """Sends that mail by and by, if mail is set up and it has words."""
    if not settings.EMAIL_READY or name not in WORDS:
        return
    subject, lines = WORDS[name]
    known = {"url": settings.PUBLIC_URL} | values
    about = f"This is about the account {email} on {settings.PUBLIC_URL}."  # an address may well hold braces
    text = "\n\n".join((about, *(line.format(**known) for line in lines)))
    message = EmailMessage(f"[Crewsite] {subject.format(**known)}", f"{text}\n", to=[email])
    message.extra_headers["Auto-Submitted"] = "auto-generated"
    if not _waiting.acquire(blocking=False):
        log.warning("A mail about signing in was dropped: %s wait already", MOST_WAITING)
        return
    _thread.submit(_send, message)


def all_sent() -> None:
    """Waits until all mails so far were sent or failed."""
    done: Future[None] = _thread.submit(lambda: None)
    done.result()


def _send(message: EmailMessage) -> None:
    try:
        message.send()
    except (SMTPException, OSError, ValueError) as error:
        log.warning("A mail about signing in could not be sent (%s)", type(error).__name__)
    finally:
        _waiting.release()
