"""How server-sent events are written, and the answer that carries them."""

from __future__ import annotations

from collections.abc import AsyncIterator

from django.http import StreamingHttpResponse

STILL_HERE = ": still here\n\n"
"""For a reader whom there is nothing to tell, so that it knows and nobody in between hangs up."""


def message(event: str, data: str, message_id: str) -> str:
    """One event, of which a reader that comes back names the id, unless that is empty."""
    head = f"id: {message_id}\n" if message_id else ""
    lines = data.replace("\r", "").split("\n")
    return f"{head}event: {event}\n{''.join(f'data: {line}' + chr(10) for line in lines)}\n"


def stream(events: AsyncIterator[str]) -> StreamingHttpResponse:
    """Kept by nobody on the way."""
    response = StreamingHttpResponse(events, content_type="text/event-stream")
    response["Cache-Control"] = "no-cache"
    response["X-Accel-Buffering"] = "no"
    return response
