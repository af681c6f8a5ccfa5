"""A number for each web request, in its log lines and its answer, and one line when it was answered."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import uuid4

from asgiref.sync import iscoroutinefunction
from django.http import HttpRequest, HttpResponseBase
from django.utils.decorators import sync_and_async_middleware

from runs.telemetry import metrics
from runs.telemetry.log_context import marked

log = logging.getLogger(__name__)

HEADER = "X-Request-ID"
ACCEPTED = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
ASKED_BY_MACHINES = ("/health/", "/metrics", "/static/")


@sync_and_async_middleware
def request_log(get_response: Callable[[HttpRequest], Any]) -> Callable[[HttpRequest], Any]:
    """A caller's ``X-Request-ID`` is taken over if it is a plain word, so that one number follows a request through
    several systems; else a new one is made."""
    if iscoroutinefunction(get_response):
        ask: Callable[[HttpRequest], Awaitable[HttpResponseBase]] = get_response

        async def answer_async(request: HttpRequest) -> HttpResponseBase:
            began = time.perf_counter()
            with marked(request_id=(number := number_of(request))):
                return _told(request, await ask(request), began, number)

        return answer_async

    def answer(request: HttpRequest) -> HttpResponseBase:
        began = time.perf_counter()
        with marked(request_id=(number := number_of(request))):
            return _told(request, get_response(request), began, number)

    return answer


def number_of(request: HttpRequest) -> str:
    given = request.headers.get(HEADER, "")
    return given if ACCEPTED.fullmatch(given) else uuid4().hex


def _told(request: HttpRequest, response: HttpResponseBase, began: float, number: str) -> HttpResponseBase:
    """For a stream the time is that until its first byte."""
    seconds = time.perf_counter() - began
    response[HEADER] = number
    metrics.request_answered(request.method or "", response.status_code, seconds)
    level = logging.DEBUG if request.path.startswith(ASKED_BY_MACHINES) else logging.INFO
    if log.isEnabledFor(level):
        facts = {"method": request.method, "status": response.status_code, "ms": round(seconds * 1000, 1)}
        log.log(level, "%s", _address(request), extra=facts)
    return response


def _address(request: HttpRequest) -> str:
    """The path without its query, which may hold what somebody searched for; of a sign-in link only its pattern."""
    match = request.resolver_match
    if match is not None and match.url_name == "signin_link":
        return "/signin/…"
    return request.path[:300]
