"""Signing in by an account elsewhere (OpenID Connect, GitHub), where an operator set it up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from allauth.core.exceptions import ImmediateHttpResponse
from allauth.mfa.models import Authenticator
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.models import SocialAccount
from allauth.socialaccount.providers.base import AuthProcess
from django.conf import settings
from django.http import HttpRequest
from django.shortcuts import render
from django.urls import reverse
from requests import Session

from engine.text import is_storable, storable
from teams.bounded_http import bounded_session
from teams.models import Invitation, User
from teams.queries import that_work
from teams.signin.adapter import having, keep_address
from teams.signin.fresh import asked_again, proved_lately

NOT_INVITED = (
    "There is no account here with the address that the other side confirmed. Ask an owner of your team to invite that "
    "address, open the invitation, and sign in from there."
)
FAILED = "The other side did not sign you in, or its answer could not be used. Try again."


@dataclass(frozen=True, slots=True)
class Provider:
    name: str
    address: str


def providers() -> list[Provider]:
    """Those that an operator set up, in the order of the settings."""
    found = []
    for kind, provider in settings.SOCIALACCOUNT_PROVIDERS.items():
        for app in provider.get("APPS", ()):
            if kind == "openid_connect":
                address = reverse("openid_connect_login", kwargs={"provider_id": app["provider_id"]})
            else:
                address = reverse(f"{kind}_login")
            found.append(Provider(app["name"], address))
    return found


class SocialAdapter(DefaultSocialAccountAdapter):
    """An account elsewhere lets in whose address it confirmed: the account of that address, or a new one if that
    address is invited."""

    def is_open_for_signup(self, request: HttpRequest, sociallogin: Any) -> bool:
        return is_invited(confirmed_address(sociallogin))

    def pre_social_login(self, request: HttpRequest, sociallogin: Any) -> None:
        """Says so where nobody may be let in, before anything is kept.

        The row of the person's address has to be there: allauth takes an address without one for unconfirmed, and would
        take the password away from whoever has it.
        """
        if sociallogin.state.get("process") == AuthProcess.CONNECT:
            if not proved_lately(request):  # it is one more way in
                raise ImmediateHttpResponse(asked_again(request))
            return
        if sociallogin.is_existing and sociallogin.user.may_sign_in:
            keep_address(sociallogin.user)
            if Authenticator.objects.filter(user=sociallogin.user).exists():
                # Only the first step is done: one more way in is added on the account's own page.
                sociallogin._did_authenticate_by_email = None
        elif sociallogin.is_existing or not self.is_open_for_signup(request, sociallogin):
            raise ImmediateHttpResponse(refused(request, NOT_INVITED, 403))

    def authenticate_by_email(self, sociallogin: Any) -> tuple[User, str] | None:
        """Whose address it is to the letter."""
        found = super().authenticate_by_email(sociallogin)
        return found if found and having([found[0]], found[1]) else None

    def populate_user(self, request: HttpRequest, sociallogin: Any, data: dict[str, Any]) -> User:
        """Keeps the address and the name of what the other side says. Raises ``ValueError`` if it does not say whose
        account it is."""
        account = sociallogin.account
        user: User = sociallogin.user
        require_number(account.extra_data)
        email, name = data.get("email") or confirmed_address(sociallogin), data.get("name")
        account.extra_data = {"email": storable(email)[:254] if isinstance(email, str) else ""}
        user.email = confirmed_address(sociallogin)
        user.name = storable(name)[:150] if isinstance(name, str) else ""
        return user

    def save_user(self, request: HttpRequest, sociallogin: Any, form: Any = None) -> User:
        user: User = super().save_user(request, sociallogin, form)
        keep_address(user)
        return user

    def on_authentication_error(self, request: HttpRequest, provider: Any, **found: Any) -> None:
        raise ImmediateHttpResponse(refused(request, FAILED, 403))

    def get_requests_session(self) -> Session:
        return bounded_session()

    def get_connect_redirect_url(self, request: HttpRequest, socialaccount: Any) -> str:
        return reverse("mfa_index")


def confirmed_address(sociallogin: Any) -> str:
    """The address of which the other side says that it is this person's, of several one that is invited; "" if it says
    so of none."""
    confirmed = [one.email.lower() for one in sociallogin.email_addresses if one.verified]
    return next((email for email in confirmed if is_invited(email)), confirmed[0] if confirmed else "")


def require_number(said: Any) -> None:
    """Raises ``ValueError`` unless the other side's answer has the one number or text by which it knows the account.

    allauth would write none as "None", and so take all without one for the same. An issuer's token and what it says of
    the person have to name the same.
    """
    parts = [part for key in ("userinfo", "id_token") if (part := said.get(key))]
    numbers = {part.get("sub") for part in parts} if parts else {said.get("id", said.get("sub"))}
    for number in numbers:
        known = isinstance(number, str | int) and not isinstance(number, bool) and is_storable(str(number))
        if len(numbers) > 1 or not known or number == "":
            raise ValueError("An account elsewhere without a number of its own.")


def is_invited(email: str) -> bool:
    return bool(email) and that_work(Invitation.objects.filter(email=email)).exists()


def refused(request: HttpRequest, message: str, status: int) -> Any:
    back = reverse("mfa_index" if request.user.is_authenticated else "signin")
    return render(request, "teams/signin/refused.html", {"message": message, "back": back}, status=status)


def name_of(account: SocialAccount) -> str:
    """As the operator named the other side, with the address there."""
    named = {
        str(app.get("provider_id", kind)): str(app["name"])
        for kind, provider in settings.SOCIALACCOUNT_PROVIDERS.items()
        for app in provider.get("APPS", ())
    }
    name = named.get(account.provider, account.provider)
    data = account.extra_data if isinstance(account.extra_data, dict) else {}
    told = data.get("userinfo") or data.get("id_token") or data
    email = told.get("email") if isinstance(told, dict) else None
    return f"{name}: {str(email)[:254]}" if email else name
