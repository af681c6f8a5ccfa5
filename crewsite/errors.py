"""Error pages, and the same errors as JSON under ``/api/``: what happened, what was kept, what to do."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable

from django.core.exceptions import RequestDataTooBig, TooManyFieldsSent, TooManyFilesSent
from django.db import InternalError, OperationalError
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.template.loader import render_to_string
from psycopg.errors import IdleInTransactionSessionTimeout, QueryCanceled
from psycopg_pool import PoolTimeout

from crewsite.clean_request import Unclean
from teams.api.error_body import error_body
from teams.refusals import Refusal, with_retry_after

GetResponse = Callable[[HttpRequest], HttpResponseBase]

NOT_FOUND = "There is no such thing here, or it is not yours."
NO_DATABASE = "The database does not answer. Nothing was begun; try again in a few seconds."
RETRY_AFTER_S = 5
TOOK_TOO_LONG = "This took the database too long and was given up. Ask for less at once, or try again later."
FORBIDDEN = "Your role does not allow this."


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    if isinstance(exception, (RequestDataTooBig, TooManyFieldsSent, TooManyFilesSent)):
        return _answer(request, 413, "The request is too large: it has too much text, or too many fields or files.")
    why = str(exception) if isinstance(exception, Unclean) else "The request could not be read."
    return _answer(request, 400, why)


def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return _answer(request, 403, str(exception or "") or FORBIDDEN)


def missing(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return _answer(request, 404, NOT_FOUND)


def not_allowed(request: HttpRequest, allowed: Iterable[str]) -> HttpResponse:
    """``allowed``: the methods that the address does answer."""
    methods = ", ".join(sorted(allowed))
    response = _answer(request, 405, f"{request.method} is not done here; {methods} is.")
    response["Allow"] = methods
    return response


def broken(request: HttpRequest) -> HttpResponse:
    """Called while the exception is being handled. The log has it in any case."""
    reason = _why_again(sys.exc_info()[1])
    if reason:
        response = _answer(request, 503, reason)
        response["Retry-After"] = str(RETRY_AFTER_S)
        return response
    return _answer(
        request, 500, "Crewsite itself failed. What was finished and paid for is kept; the log has the fault."
    )


def _why_again(error: BaseException | None) -> str:
    """Why a request that failed may be sent again; "" if it would fail again."""
    cause = error.__cause__ if isinstance(error, (OperationalError, InternalError)) else None
    if isinstance(cause, PoolTimeout):
        return NO_DATABASE
    return TOOK_TOO_LONG if isinstance(cause, (QueryCanceled, IdleInTransactionSessionTimeout)) else ""


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    return _answer(
        request, 403, "This page was open for too long or came from elsewhere. Go back, reload it, and send again."
    )


def refusals(get_response: GetResponse) -> GetResponse:
    """Middleware. What an action refuses and no form of the page shows is a page of its own, with the refusal's status:
    a key that somebody removed meanwhile, for one."""

    def answer(request: HttpRequest) -> HttpResponseBase:
        return get_response(request)

    answer.process_exception = _refused  # type: ignore[attr-defined]
    return answer


def _refused(request: HttpRequest, exception: Exception) -> HttpResponse | None:
    if not isinstance(exception, Refusal):
        return None
    return with_retry_after(_answer(request, exception.status, exception.message), exception)


def page(status: int, message: str) -> str:
    """The page of an error, rendered without the request: it needs neither session nor database, which may be what
    failed."""
    return render_to_string("errors/error.html", {"status": status, "message": message})


def _answer(request: HttpRequest, status: int, message: str) -> HttpResponse:
    if request.path.startswith("/api/"):
        return JsonResponse(error_body(status, message), status=status)
    if not request.accepts("text/html"):
        return HttpResponse(message, content_type="text/plain; charset=utf-8", status=status)
    if status >= 500:
        return HttpResponse(page(status, message), status=status)
    html = render_to_string("errors/error.html", {"status": status, "message": message}, request)
    return HttpResponse(html, status=status)
