"""CSV where an operation of the API is asked for it."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse

CSV = "text/csv"
AS_CSV: dict[str, Any] = {"responses": {200: {"content": {CSV: {"schema": {"type": "string"}}}}}}
"""For the ``openapi_extra`` of an operation that answers in CSV too."""


def wants_csv(request: HttpRequest) -> bool:
    """Whether ``Accept`` prefers it to JSON."""
    return request.get_preferred_type(["application/json", CSV]) == CSV


def csv_response(text: str) -> HttpResponse:
    return HttpResponse(text, content_type=f"{CSV}; charset=utf-8")
