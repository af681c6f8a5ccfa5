"""Who changes how they sign in has to have proved lately who they are: a session may be somebody else's by now."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import wraps
from typing import Any

from allauth.account.authentication import get_authentication_records
from allauth.mfa.models import Authenticator
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import urlencode

from teams.access import TeamRequest, View
from teams.models import User


def proved_lately(request: HttpRequest) -> bool:
    """Whether the person of this session proved who they are in the last ``ACCOUNT_REAUTHENTICATION_TIMEOUT`` seconds,
    by whatever they sign in with."""
    records = get_authentication_records(request, request.user)
    return bool(records) and time.time() - records[-1]["at"] < settings.ACCOUNT_REAUTHENTICATION_TIMEOUT


def fresh(view: View) -> View:
    """Declares a view for who proved lately who they are. Others are asked to again and come back; what they sent is
    not done."""

    @wraps(view)
    def checked(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not request.user.is_authenticated:
            return redirect_to_login(request.get_full_path())
        if proved_lately(request):
            return view(request, *args, **kwargs)
        if request.method in ("GET", "HEAD"):
            return redirect(address_of_proof(request.get_full_path()))
        return asked_again(request)

    checked.policy = "signed in, and lately"  # type: ignore[attr-defined]
    return checked


def proven(page: str) -> Callable[[View], View]:
    """Declares, under ``member``, a view whose POST makes what outlasts the session, and so wants a proof as ``fresh``
    does. Others are asked to prove it and then led to the team's ``page``; what they sent is not done."""

    def declare(view: View) -> View:
        @wraps(view)
        def checked(request: TeamRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if request.method == "POST" and is_proof_wanted(request):
                return asked_again(request, reverse(page, args=[request.who.team.slug]))
            return view(request, *args, **kwargs)

        return checked

    return declare


def is_proof_wanted(request: HttpRequest) -> bool:
    """Whether ``proven`` asks for one. Under ``make up`` who has nothing to prove it by is believed: they sit at the
    machine, which prints them a link whenever they want one."""
    if proved_lately(request):
        return False
    user: User = request.user  # type: ignore[assignment]
    if not settings.LOCAL or user.has_usable_password():
        return True
    return Authenticator.objects.filter(user=user).exists()


def proof_before(request: TeamRequest, page: str) -> str:
    """Where who has to prove it first does so, and is then led to the team's ``page``; "" if nothing is wanted. A page
    shows it in place of a form that would be lost."""
    return address_of_proof(reverse(page, args=[request.who.team.slug])) if is_proof_wanted(request) else ""


def asked_again(request: HttpRequest, back: str = "") -> HttpResponse:
    """Leads to where somebody proves who they are, and then to ``back``, or else to their account: nothing was done."""
    messages.info(request, "Nothing was changed yet. Say once more what you wanted.")
    return redirect(address_of_proof(back or reverse("mfa_index")))


def address_of_proof(back: str) -> str:
    """Where somebody proves who they are, and is then led ``back``."""
    return f"{reverse('account_reauthenticate')}?{urlencode({'next': back})}"
