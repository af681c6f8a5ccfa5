"""Makes one attempt one HTTP exchange of bounded size, in the transports below LiteLLM and its SDKs.

LiteLLM repeats a request after a cut connection, after a 422 and after messages that a provider dislikes, follows
redirects, and asks some servers about their models beforehand. Such a request would be billed without a line in the
ledger, or go to an address that nobody checked, so the transports refuse it. What is retried is decided in
``crew.model_calls``.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

import httpx

from engine.context_variables import holding
from engine.providers.library.own_accord import Traffic, no_own_traffic
from engine.providers.replies.bounded import BoundedReply
from engine.providers.replies.wire import WireReply
from engine.web.addresses import RequestFailed

Send = Callable[[httpx.AsyncBaseTransport, httpx.Request], Awaitable[httpx.Response]]


class SecondRequest(httpx.TransportError):
    """The client library tried to send another request than the one of the attempt."""


@dataclass(slots=True)
class Exchange:
    """What one attempt sent and got. ``response`` is None until there is an answer, which is read into ``wire``.

    ``send`` sends its request; None: the client library's own transport does. ``refused``: why nothing was sent.
    ``failed``: why no answer began. ``url``: what was asked. ``traffic``: what may be reached meanwhile.
    """

    traffic: Traffic
    send: Callable[[httpx.Request], Awaitable[httpx.Response]] | None = None
    sent: bool = False
    refused: RequestFailed | None = None
    failed: httpx.TransportError | None = None
    response: httpx.Response | None = None
    url: httpx.URL | None = None
    wire: WireReply = field(default_factory=WireReply)


_exchange: ContextVar[Exchange | None] = ContextVar("exchange", default=None)


@contextmanager
def one_exchange(send: Callable[[httpx.Request], Awaitable[httpx.Response]] | None = None) -> Iterator[Exchange]:
    """Within it guarded transports send one request, by ``send``, and refuse every further one (``SecondRequest``)."""
    with no_own_traffic() as traffic:
        exchange = Exchange(traffic, send)
        with holding(_exchange, exchange):
            yield exchange


def guard(transport: type[httpx.AsyncBaseTransport]) -> Send:
    """Guards all transports of the class: those under every client that LiteLLM makes. Returns its own way to send.

    The class itself is changed, and not subclassed, because LiteLLM looks after the connections of its own class only.
    Outside of exchanges it does what it did. A second call changes nothing.
    """
    send: Send = transport.handle_async_request
    if (own := getattr(send, "own", None)) is not None:
        return own  # type: ignore[no-any-return]

    async def handle_async_request(self: httpx.AsyncBaseTransport, request: httpx.Request) -> httpx.Response:
        exchange = _exchange.get()
        if exchange is None:
            return await send(self, request)
        if exchange.failed is not None:
            raise exchange.failed  # what the first request met is what the attempt met
        if exchange.sent or exchange.refused:
            raise SecondRequest("The client library tried to send a second request.")
        exchange.sent, exchange.url = True, request.url
        # Nothing packed is asked for. What comes packed all the same is unpacked here and not by httpx, which would
        # make gigabytes of a small chunk.
        request.headers["Accept-Encoding"] = "identity"
        exchange.traffic.sending = True
        try:
            response = await (exchange.send(request) if exchange.send else send(self, request))
        except RequestFailed as refused:
            exchange.sent, exchange.refused = False, refused
            raise
        except httpx.TransportError as failure:
            exchange.failed = failure
            raise
        finally:
            exchange.traffic.sending = False
        response.stream = BoundedReply(response, exchange.wire)
        exchange.response = response
        return response

    handle_async_request.own = send  # type: ignore[attr-defined]
    transport.handle_async_request = handle_async_request  # type: ignore[method-assign]
    return send


def guard_blocking(transport: type[httpx.BaseTransport]) -> None:
    """Refuses within exchanges what would be sent by a blocking transport, which would also hold up the event loop."""
    send = transport.handle_request
    if getattr(send, "is_guarded", False):
        return

    def handle_request(self: httpx.BaseTransport, request: httpx.Request) -> httpx.Response:
        if (exchange := _exchange.get()) is not None:
            exchange.traffic.note(request.url.host)
            raise SecondRequest("The client library tried to send a request of its own.")
        return send(self, request)

    handle_request.is_guarded = True  # type: ignore[attr-defined]
    transport.handle_request = handle_request  # type: ignore[method-assign]
