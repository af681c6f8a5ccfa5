"""Signing in by an account elsewhere (OpenID Connect, GitHub), where an operator set it up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.models import SocialAccount
from allauth.socialaccount.providers.base import AuthProcess
from django.conf import settings
from django.http import HttpRequest
from django.shortcuts import render
from django.urls import reverse

from teams.models import Invitation, User
from teams.queries import that_work
from teams.signin.adapter import keep_address
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
        elif sociallogin.is_existing or not self.is_open_for_signup(request, sociallogin):
            raise ImmediateHttpResponse(refused(request, NOT_INVITED, 403))

    def populate_user(self, request: HttpRequest, sociallogin: Any, data: dict[str, Any]) -> User:
        user: User = sociallogin.user
        user.email = confirmed_address(sociallogin)
        user.name = str(data.get("name") or "")[:150]
        return user

    def save_user(self, request: HttpRequest, sociallogin: Any, form: Any = None) -> User:
        user: User = super().save_user(request, sociallogin, form)
        keep_address(user)
        return user

    def on_authentication_error(self, request: HttpRequest, provider: Any, **found: Any) -> None:
        raise ImmediateHttpResponse(refused(request, FAILED, 403))

    def get_connect_redirect_url(self, request: HttpRequest, socialaccount: Any) -> str:
        return reverse("mfa_index")


def confirmed_address(sociallogin: Any) -> str:
    """The address of which the other side says that it is this person's, of several one that is invited; "" if it says
    so of none."""
    confirmed = [one.email.lower() for one in sociallogin.email_addresses if one.verified]
    return next((email for email in confirmed if is_invited(email)), confirmed[0] if confirmed else "")


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
