"""What machines ask of this process: is it alive, is it ready, what are its figures.

They may use any address at which they reach it, so they are answered before host names are checked.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from asgiref.sync import iscoroutinefunction, sync_to_async
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.urls import resolve
from django.utils.decorators import sync_and_async_middleware
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST

from crewsite.health.checks import ANSWER_WITHIN_S, readiness
from crewsite.health.own_metrics import own_metrics
from crewsite.health.probe import Probe
from crewsite.health.scrapers import may_scrape
from runs.operations import gauges
from teams.access import public
from teams.guessing.tries import TooManyTries

log = logging.getLogger(__name__)

PATHS = ("/health/live", "/health/ready", "/metrics")


@public("says nothing but that the process answers")
@require_safe
def live(request: HttpRequest) -> HttpResponse:
    return _uncached(JsonResponse({"live": True}))


@public("names checks, not addresses; load balancers have no account")
@require_safe
def ready(request: HttpRequest) -> HttpResponse:
    state = readiness()
    return _uncached(JsonResponse(state, status=200 if state["ready"] else 503))


@public("open under 'make up', else by a token of its own")
@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    try:
        if not may_scrape(request):
            raise Http404  # whoever may not is answered that there is no such page
    except TooManyTries as refusal:
        headers = {"Retry-After": str(refusal.retry_after_s)}
        return HttpResponse(f"{refusal}\n", content_type="text/plain; charset=utf-8", status=429, headers=headers)
    text = own_metrics() + _database_gauges()
    return _uncached(HttpResponse(text, content_type=CONTENT_TYPE_LATEST))


DATABASE = Probe(gauges.text)


def _database_gauges() -> bytes:
    """If the database hangs or fails, the process's own figures are answered all the same."""
    try:
        return DATABASE.begin().result(ANSWER_WITHIN_S)
    except TimeoutError:
        log.warning("The database gave no figures in time")
    except Exception as error:  # drivers raise what they like, and whatever it is, there are no figures
        log.warning("The database's figures could not be read", exc_info=error)
    return gauges.text_without_database()


@sync_and_async_middleware
def answer_machines(get_response: Callable[[HttpRequest], Any]) -> Callable[[HttpRequest], Any]:
    """Answers ``PATHS`` itself and lets all other requests pass."""
    if iscoroutinefunction(get_response):

        async def answer_async(request: HttpRequest) -> HttpResponseBase:
            if request.path_info not in PATHS:
                response: HttpResponseBase = await get_response(request)
                return response
            return await sync_to_async(_answer, thread_sensitive=False)(request)

        return answer_async

    def answer(request: HttpRequest) -> HttpResponseBase:
        if request.path_info not in PATHS:
            response: HttpResponseBase = get_response(request)
            return response
        return _answer(request)

    return answer


def _answer(request: HttpRequest) -> HttpResponseBase:
    try:
        view: Callable[[HttpRequest], HttpResponseBase] = resolve(request.path_info).func
        return view(request)
    except Http404:
        return HttpResponse("There is no such thing here.\n", content_type="text/plain; charset=utf-8", status=404)


def _uncached(response: HttpResponse) -> HttpResponse:
    response["Cache-Control"] = "no-store"
    return response
