"""Error pages, and the same errors as JSON under ``/api/``: what happened, what was kept, what to do."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template.loader import render_to_string

API_CODES = {400: "unreadable", 403: "forbidden", 404: "not_found", 500: "internal_error"}


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return _answer(request, 400, "The request could not be read.")


def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return _answer(request, 403, str(exception or "") or "Your role does not allow this.")


def missing(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return _answer(request, 404, "There is no such thing here, or it is not yours.")


def broken(request: HttpRequest) -> HttpResponse:
    """Its page asks neither session nor database: either may be what is broken."""
    return _answer(
        request, 500, "Crewsite itself failed. What was finished and paid for is kept; the log has the fault."
    )


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    return _answer(
        request, 403, "This page was open for too long or came from elsewhere. Go back, reload it, and send again."
    )


def _answer(request: HttpRequest, status: int, message: str) -> HttpResponse:
    if request.path.startswith("/api/"):
        body = {"error": {"code": API_CODES[status], "message": message, "fields": {}}}
        return JsonResponse(body, status=status)
    if not request.accepts("text/html"):
        return HttpResponse(message, content_type="text/plain; charset=utf-8", status=status)
    # Without the request a page needs neither session nor database: what broke may be just these.
    context = {"status": status, "message": message}
    html = render_to_string("errors/error.html", context, None if status == 500 else request)
    return HttpResponse(html, status=status)
