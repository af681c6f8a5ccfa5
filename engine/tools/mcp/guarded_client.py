"""The HTTP client of MCP sessions: the same address rules as for other network tools, and answers of bounded size.

The ``mcp`` package uses httpx2, so this is a transport of httpx2. Where a request fails, the transport itself answers
with a JSON-RPC error that says why. Then that call fails, and the session goes on.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any

import httpcore2
import httpx
import httpx2

from engine.web.addresses import Reach, RequestFailed
from engine.web.guarded_http import HEADERS, MAX_BYTES, CheckedNetwork
from engine.web.wire_bounds import JsonValues, Parts

MAX_RESUMPTIONS = 20
"""A server may close an answer's stream and let the client ask for the rest; some would do so for ever."""
SERVER_ERROR = -32000


def guarded_client(reach: Reach, *, headers: Mapping[str, str], timeout_s: float) -> httpx2.AsyncClient:
    """A client for one session. ``headers`` go with every request: the ``mcp`` package asks no other server."""
    return httpx2.AsyncClient(
        transport=_BoundedTransport(reach),
        headers=HEADERS | {"Accept-Encoding": "identity"} | dict(headers),
        timeout=timeout_s,
        trust_env=False,
    )


class _BoundedTransport(httpx2.AsyncHTTPTransport):
    """Connects to checked addresses only, bounds answers, and answers failed requests itself."""

    def __init__(self, reach: Reach) -> None:
        super().__init__(trust_env=False)
        self._reach = reach
        network: Any = CheckedNetwork(reach, httpcore2.AnyIOBackend())
        self._pool = httpcore2.AsyncConnectionPool(
            ssl_context=httpx2.create_ssl_context(trust_env=False), network_backend=network
        )
        self._resumptions = 0

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        if request.method == "GET" and not self._may_resume(request):
            return httpx2.Response(405, request=request)
        try:
            self._reach.check_url(httpx.URL(str(request.url)))
            response = await super().handle_async_request(request)
        except (httpx2.TransportError, httpx.InvalidURL, RequestFailed) as error:
            return _failure(str(error) or type(error).__name__)
        if refusal := _refusal(request, response):
            await response.aclose()
            return _failure(refusal)
        assert isinstance(response.stream, httpx2.AsyncByteStream)
        media_type = response.headers.get("content-type", "").partition(";")[0].strip()
        response.headers["content-type"] = media_type  # without a charset: the body is looked at as UTF-8
        response.stream = _BoundedBody(response.stream, in_lines=media_type.lower() == "text/event-stream")
        return response

    def _may_resume(self, request: httpx2.Request) -> bool:
        """A GET either resumes an answer, or opens a stream of unasked messages, to which nothing here listens."""
        self._resumptions += "last-event-id" in request.headers
        return "last-event-id" in request.headers and self._resumptions <= MAX_RESUMPTIONS


class _BoundedBody(httpx2.AsyncByteStream):
    """A body that ends with an error at the limits of bytes, values and parts, before anything is parsed.

    The ``mcp`` package survives a ``StreamError``. ``in_lines``: the body is a stream of events.
    """

    def __init__(self, stream: httpx2.AsyncByteStream, *, in_lines: bool) -> None:
        self._stream = stream
        self._values = JsonValues(in_lines=in_lines)
        self._parts = Parts()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        size = 0
        try:
            async for chunk in self._stream:
                size += len(chunk)
                if size > MAX_BYTES:
                    raise httpx2.StreamError(f"The answer is larger than {MAX_BYTES:,} bytes.")
                self._parts.add(len(chunk))
                self._values.add(chunk)
                yield chunk
        except RequestFailed as refused:
            raise httpx2.StreamError(str(refused)) from refused
        except httpx2.TransportError as error:
            raise httpx2.StreamError(f"The connection broke: {error or type(error).__name__}.") from error

    async def aclose(self) -> None:
        await self._stream.aclose()


def _refusal(request: httpx2.Request, response: httpx2.Response) -> str:
    """Why the answer is not passed on, or ""."""
    if response.headers.get("content-encoding", "identity") != "identity":
        return "The answer is packed, which was not asked for."
    is_json = response.headers.get("content-type", "").lower().startswith("application/json")
    if request.method == "POST" and response.is_error and not is_json:
        return f"The server answered {response.status_code} {response.reason_phrase}."
    return ""


def _failure(reason: str) -> httpx2.Response:
    """An answer in the server's place."""
    error = {"code": SERVER_ERROR, "message": reason}
    return httpx2.Response(502, json={"jsonrpc": "2.0", "id": None, "error": error})
