"""How tests look at pages: signed in as somebody, and as text."""

from __future__ import annotations

from allauth.account.internal.flows.login import record_authentication
from django.http import HttpRequest, HttpResponse
from django.test import Client

from runs.models import Run
from teams.access import Principal

CREWS = "/t/acme/crews/"
CREW = f"{CREWS}company-brief/"
LAUNCH = f"{CREW}launch/"
RUNS = "/t/acme/runs/"
HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>\u202egnp.exe" + "W" * 10_000


def signed_in(who: Principal) -> Client:
    client = Client()
    client.force_login(who.user)
    return client


def just_proven(who: Principal) -> Client:
    """Signed in, and having proved just now who they are."""
    client = signed_in(who)
    request = HttpRequest()
    request.session = client.session
    record_authentication(request, who.user, method="password")
    request.session.save()
    return client


def html(response: HttpResponse) -> str:
    return response.content.decode()


def page_of(run: Run) -> str:
    return f"{RUNS}{run.pk}/"
