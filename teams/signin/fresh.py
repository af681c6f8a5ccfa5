"""Who changes how they sign in has to have proved lately who they are: a session may be somebody else's by now."""

from __future__ import annotations

import time
from functools import wraps
from typing import Any

from allauth.account.authentication import get_authentication_records
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import urlencode

from teams.access import View


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
        back = request.get_full_path() if request.method in ("GET", "HEAD") else ""
        return asked_again(request, back)

    checked.policy = "signed in, and lately"  # type: ignore[attr-defined]
    return checked


def asked_again(request: HttpRequest, back: str = "") -> HttpResponse:
    """Leads to where somebody proves who they are, and then to ``back``, or else to their account: nothing was done."""
    if not back:
        messages.info(request, "Nothing was changed yet. Say once more what you wanted.")
        back = reverse("mfa_index")
    return redirect(f"{reverse('account_reauthenticate')}?{urlencode({'next': back})}")
