"""Which methods an address answers: HEAD wherever GET does; how all others are refused; and what each answer says of
its token's limit."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseNotAllowed, StreamingHttpResponse

from crewsite.errors import not_allowed
from teams.api.rate import with_rate

GetResponse = Callable[[HttpRequest], HttpResponseBase]

STREAMS = frozenset({"run_events", "api:run_events", "batch_events", "api:batch_events"})
"""Views whose answer does not end by itself. They answer GET alone: without a body there is nothing to wait for."""


def methods(get_response: GetResponse) -> GetResponse:
    """Lets views answer HEAD as GET and takes the body off; gives every 405 the shape of an error, and its ``Allow``.

    A view for which HEAD differs from GET looks at ``request.META["REQUEST_METHOD"]``.
    """

    def answer(request: HttpRequest) -> HttpResponseBase:
        is_head = request.method == "HEAD"
        if is_head:
            request.method = "GET"
        try:
            response = get_response(request)
        finally:
            if is_head:
                request.method = "HEAD"
        is_stream = request.resolver_match is not None and request.resolver_match.view_name in STREAMS
        if is_head and is_stream and response.status_code == 200:  # its stream was not begun, and never is
            response = HttpResponseNotAllowed(["GET"])
        if isinstance(response, HttpResponseNotAllowed):
            allowed = {method.strip() for method in response["Allow"].split(",")}
            response = not_allowed(request, allowed if is_stream or "GET" not in allowed else allowed | {"HEAD"})
        with_rate(request, response)
        return _headers_alone(response) if is_head else response

    return answer


def _headers_alone(response: HttpResponseBase) -> HttpResponseBase:
    if isinstance(response, HttpResponse):
        response.headers.setdefault("Content-Length", str(len(response.content)))
        response.content = b""
    elif isinstance(response, StreamingHttpResponse):
        response.streaming_content = []
    return response
