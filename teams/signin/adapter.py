"""What allauth asks us: who gets in, how often somebody may try, what is mailed, and what pages say.

Its own limits are switched off: they need a cache that all processes share. Ours count in PostgreSQL.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.models import EmailAddress
from allauth.core import context
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme

from teams.guessing import hashing, tries
from teams.guessing.address import client_address
from teams.models import User
from teams.signin import mail
from teams.signin.known_browser import remember
from teams.signin.limits import tallies_of
from teams.signin.on_the_way import SECOND_STEP, begun

SAID = {
    "account/messages/email_confirmed.txt": "{email} is your address now. All other sessions were ended.",
    "account/messages/email_confirmation_failed.txt": "This address cannot be confirmed: another account has it.",
    "account/messages/password_changed.txt": "The password is changed.",
    "mfa/messages/totp_activated.txt": "The app is added. Its codes are asked for after your password from now on.",
    "mfa/messages/totp_deactivated.txt": "The app is removed.",
    "mfa/messages/webauthn_added.txt": "The passkey is added.",
    "mfa/messages/webauthn_removed.txt": "The passkey is removed.",
    "mfa/messages/recovery_codes_generated.txt": "New recovery codes were made. The old ones no longer work.",
    "socialaccount/messages/account_connected.txt": "The account is connected. It can sign you in from now on.",
    "socialaccount/messages/account_connected_other.txt": "This account is connected to another person's here.",
    "socialaccount/messages/account_connected_updated.txt": "The account was connected already.",
    "socialaccount/messages/account_disconnected.txt": "The account is disconnected.",
}
"""By the template of allauth's own message, which is not used. What is not named here is not said."""
CODE_MINUTES = 5
RESET_MINUTES = 10


class AccountAdapter(DefaultAccountAdapter):
    error_messages = DefaultAccountAdapter.error_messages | {
        "incorrect_code": "This code does not fit.",
        "incorrect_password": "This password does not fit.",
        "same_as_current": "This is your address already.",
        "duplicate_email": "This is your address already.",
    }

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Accounts are made by a mailed link or an operator."""
        return False

    def get_client_ip(self, request: HttpRequest) -> str:
        """As limits count it, but an address in any case: of an IPv6 network its first one."""
        return client_address(request).partition("/")[0] or "0.0.0.0"  # noqa: S104

    def pre_authenticate(self, request: HttpRequest, **credentials: Any) -> None:
        """Tries are counted in ``authenticate``."""

    def authenticate(self, request: HttpRequest, **credentials: Any) -> User | None:
        """Whose password it is; None for nobody's and a closed account's, after one hash in any case.

        A try is counted before the password is looked at, so that many at once are not all looked at, and taken back if
        it fits. Raises ``TooManyTries``, or ``Busy`` if too many passwords are being looked at.
        """
        tallies = tallies_of(request, credentials["email"])
        with hashing.place():
            tries.count(*tallies)
            user: User | None = super().authenticate(request, **credentials)
            if user is None or not user.may_sign_in or user.email != credentials["email"]:
                return None  # under another spelling it would have tries of its own
            tries.take_back(*tallies)
        return user

    def reauthenticate(self, user: User, password: str) -> bool:
        return self.authenticate(context.request, email=user.email, password=password) == user

    def is_safe_url(self, url: str | None) -> bool:
        return is_own(context.request, url or "")

    def is_reauthentication_required(self, *, app: str) -> bool:
        """Our own pages ask for it (``fresh``), and take any proof that is recent."""
        return False

    def pre_login(self, request: HttpRequest, user: User, **login: Any) -> HttpResponse | None:
        if not user.may_sign_in:  # the last door of all ways in
            return self.respond_user_inactive(request, user)
        keep_address(user)
        begun(request, SECOND_STEP, user)
        response: HttpResponse | None = super().pre_login(request, user, **login)
        return response

    def post_login(self, request: HttpRequest, user: User, **login: Any) -> HttpResponse:
        response: HttpResponse = super().post_login(request, user, **login)
        remember(request, response, user)
        return response

    def respond_user_inactive(self, request: HttpRequest, user: User) -> HttpResponse:
        messages.error(request, "This account is closed.")
        return redirect("signin")

    def get_email_verification_redirect_url(self, email_address: EmailAddress) -> str:
        return reverse("mfa_index")

    def send_confirmation_mail(self, request: HttpRequest, emailconfirmation: Any, signup: bool) -> None:
        """To an address that is somebody else's no code goes, but that somebody wanted it; the page is the same."""
        address = emailconfirmation.email_address
        if User.objects.filter(email=address.email.lower()).exclude(pk=address.user_id).exists():
            mail.tell("account/email/account_already_exists", address.email)
        else:
            super().send_confirmation_mail(request, emailconfirmation, signup)

    def add_message(
        self,
        request: HttpRequest,
        level: int,
        message_template: str | None = None,
        message_context: dict[str, Any] | None = None,
        extra_tags: str = "",
        message: str | None = None,
    ) -> None:
        words = message or SAID.get(message_template or "", "").format_map(message_context or {})
        if words:
            messages.add_message(request, level, words, extra_tags=extra_tags)

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        minutes = RESET_MINUTES if template_prefix.endswith("password_reset_code") else CODE_MINUTES
        known = ("code", "from_email", "to_email", "provider")
        mail.tell(template_prefix, email, minutes=minutes, **{key: context[key] for key in known if key in context})


def keep_address(user: User) -> None:
    """The row that allauth keeps of the person's address. It is confirmed: accounts are made by a link that was mailed
    there or by an operator, and change to an address that was confirmed by a code."""
    if not EmailAddress.objects.filter(user=user, primary=True).exists():
        row = EmailAddress(user=user, email=user.email, primary=True, verified=True)
        EmailAddress.objects.bulk_create([row], ignore_conflicts=True)  # another sign-in may be first


def is_own(request: HttpRequest, url: str) -> bool:
    """Whether it leads to a page of ours, whatever else it may be."""
    return url_has_allowed_host_and_scheme(url, {request.get_host()}, require_https=request.is_secure())


def having(users: Iterable[User], email: str) -> list[User]:
    """Those whose address it is to the letter. allauth finds people under other spellings too (with a long s), which
    would have tries of their own and may be other people's."""
    return [user for user in users if user.email == email.lower()]
