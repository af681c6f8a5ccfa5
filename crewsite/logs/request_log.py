"""Gives each web request an id, puts that into its log lines and its answer, and logs one line when it is answered."""

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

from crewsite import http_metrics
from runs.telemetry.log_context import marked

log = logging.getLogger(__name__)

HEADER = "X-Request-ID"
PLAIN_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
ASKED_BY_MACHINES = ("/health/", "/metrics", "/static/")


@sync_and_async_middleware
def request_log(get_response: Callable[[HttpRequest], Any]) -> Callable[[HttpRequest], Any]:
    """A caller's ``X-Request-ID`` is kept if it is a plain word, so that one id follows a request through several
    systems; else a new one is made."""
    if iscoroutinefunction(get_response):
        respond: Callable[[HttpRequest], Awaitable[HttpResponseBase]] = get_response

        async def answer_async(request: HttpRequest) -> HttpResponseBase:
            began = time.perf_counter()
            with marked(request_id=(request_id := request_id_of(request))):
                return _logged(request, await respond(request), began, request_id)

        return answer_async

    def answer(request: HttpRequest) -> HttpResponseBase:
        began = time.perf_counter()
        with marked(request_id=(request_id := request_id_of(request))):
            return _logged(request, get_response(request), began, request_id)

    return answer


def request_id_of(request: HttpRequest) -> str:
    sent_id = request.headers.get(HEADER, "")
    return sent_id if PLAIN_WORD.fullmatch(sent_id) else uuid4().hex


def _logged(request: HttpRequest, response: HttpResponseBase, began: float, request_id: str) -> HttpResponseBase:
    """The response with its id, once it is counted and logged. For a stream the time is that until its first byte."""
    seconds = time.perf_counter() - began
    response[HEADER] = request_id
    http_metrics.request_answered(request.method or "", response.status_code, seconds)
    level = logging.DEBUG if request.path.startswith(ASKED_BY_MACHINES) else logging.INFO
    if log.isEnabledFor(level):
        facts = {"method": request.method, "status": response.status_code, "ms": round(seconds * 1000, 1)}
        log.log(level, "%s", _address(request), extra=facts)
    return response


LINKS = {"signin_link": "/signin/…", "join_link": "/join/…", "stop_report": "/reports/stop/…"}


def _address(request: HttpRequest) -> str:
    """The path without its query, which may hold what somebody searched for; of links that prove something only their
    pattern."""
    match = request.resolver_match
    return LINKS.get(match.url_name or "" if match else "") or request.path[:300]
