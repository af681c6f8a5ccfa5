"""Addresses by which an account elsewhere signs in: OpenID Connect and GitHub."""

from __future__ import annotations

import logging
from collections.abc import Callable

from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.models import SocialApp
from allauth.socialaccount.providers.github.views import oauth2_callback, oauth2_login
from allauth.socialaccount.providers.oauth2.client import OAuth2Error
from allauth.socialaccount.providers.openid_connect import views as openid
from django.core.exceptions import ImproperlyConfigured, ValidationError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.views.decorators.http import require_GET, require_POST
from requests import RequestException

from teams.access import public
from teams.guessing.address import client_address
from teams.guessing.tries import Tally, count
from teams.signin.fresh import asked_again, proved_lately
from teams.signin.limited import limited
from teams.signin.limits import BEGUN
from teams.signin.second_factor import BROKEN
from teams.signin.social import FAILED, refused

log = logging.getLogger(__name__)

OPEN = public("who is not signed in must be able to")
PROVEN = public("the other side's answer is the proof, and the session knows that it was asked")


@OPEN
@limited
@require_POST
def issuer(request: HttpRequest, provider_id: str) -> HttpResponse:
    return leaving(request, lambda: openid.login(request, provider_id))


@PROVEN
@require_GET
def issuer_back(request: HttpRequest, provider_id: str) -> HttpResponse:
    return answered(request, lambda: openid.callback(request, provider_id))


@OPEN
@limited
@require_POST
def github(request: HttpRequest) -> HttpResponse:
    return leaving(request, lambda: oauth2_login(request))


@PROVEN
@require_GET
def github_back(request: HttpRequest) -> HttpResponse:
    return answered(request, lambda: oauth2_callback(request))


@OPEN
@require_GET
def cancelled(request: HttpRequest) -> HttpResponse:
    return refused(request, FAILED, 200)


def leaving(request: HttpRequest, go: Callable[[], HttpResponse]) -> HttpResponse:
    """A page that leads to the other side: our policy forbids that a form itself ends elsewhere."""
    if is_connecting(request) and not proved_lately(request):
        return asked_again(request)
    count(Tally(BEGUN, client_address(request)))
    response = answered(request, go)
    if not isinstance(response, HttpResponseRedirect):
        return response
    return render(request, "teams/signin/leaving.html", {"address": response.url})


def is_connecting(request: HttpRequest) -> bool:
    """Whether it is to be one more way in to the account in which somebody is signed in."""
    return "connect" in (request.GET.get("process"), request.POST.get("process"))


def answered(request: HttpRequest, answer: Callable[[], HttpResponse]) -> HttpResponse:
    """What allauth answers; ``Http404`` for another side than an operator set up, and a refusal in words for one whose
    answer cannot be used."""
    try:
        return answer()
    except ImmediateHttpResponse as refusal:
        response: HttpResponse = refusal.response
        return response
    except SocialApp.DoesNotExist as error:
        raise Http404("No such sign-in.") from error
    except (ValidationError, ImproperlyConfigured, RequestException, OAuth2Error, *BROKEN):
        log.warning("What an account elsewhere answered could not be used", exc_info=True)
        return refused(request, FAILED, 403)
