"""The HTTP client of all network tools and webhooks: http(s) only, within reach only, answers of bounded size.

Models and strangers choose the addresses. So each request and each redirect is checked by IP address, and connects to
that same IP address: a name cannot point elsewhere between check and use. The rule is in ``addresses``. Proxies that
the environment names are not used: only a proxy itself would know where it connects to.
"""

from __future__ import annotations

import asyncio
import codecs
import ssl
import zlib
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any, cast

import httpcore
import httpx

from engine.web.addresses import PUBLIC, Reach, RequestFailed
from engine.web.wire_bounds import Parts, Wire

MAX_BYTES = 2_000_000
"""Of an answer, both as it is sent and unpacked."""
MAX_ERROR_CHARS = 2000
MAX_REDIRECTS = 5
TIMEOUT_S = 20.0
HEADERS = {"User-Agent": "Crewsite/1 (agent tool)", "Accept-Encoding": "gzip"}
TEXT_TYPES = (
    "text/",
    "application/json",
    "application/xml",
    "application/xhtml",
    "application/rss",
    "application/atom",
)
SLOW_CHARSETS = frozenset({"idna", "punycode", "undefined", "unicode-escape", "raw-unicode-escape", "utf-7"})
"""Python decodes them, but no web page uses them, and some take time quadratic in the page's size."""


@dataclass(frozen=True, slots=True)
class WebPage:
    """A text from the web: its address after redirects, its media type, and the text."""

    url: str
    media_type: str
    text: str


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """A server's answer, whatever its status: the beginning of its text, and its headers by lower-case names."""

    status: int
    text: str
    headers: Mapping[str, str] = field(default_factory=dict)


class GuardedHttp:
    """Asks hosts within ``reach``, each request within ``timeout_s`` seconds."""

    def __init__(self, reach: Reach = PUBLIC, *, timeout_s: float = TIMEOUT_S) -> None:
        self.reach = reach
        self._timeout_s = timeout_s

    async def request(
        self,
        method: str,
        url: str,
        *,
        check: Callable[[httpx.URL], None] | None = None,
        explain_errors: bool = False,
        **options: Any,
    ) -> WebPage:
        """The text that the address gives, after redirects. Raises ``RequestFailed`` if it is refused or fails.

        ``check`` is called with each address, those of redirects too, and raises for an address that it refuses.
        ``explain_errors``: the text of an error page becomes part of the reason. ``options`` are httpx's.
        """
        async with self._client(HEADERS) as client:
            request = client.build_request(method, url, **options)
            return await self._follow(client, request, check, explain_errors)

    async def post_once(self, url: str, body: bytes, *, headers: Mapping[str, str], most_bytes: int) -> HttpAnswer:
        """One POST without following redirects. Every status is an answer, of which ``most_bytes`` are read.

        Raises ``RequestFailed`` if there is no answer.
        """
        return await self._once("POST", url, body, headers, most_bytes)

    async def get_once(self, url: str, *, headers: Mapping[str, str], most_bytes: int) -> HttpAnswer:
        """One GET, as ``post_once``."""
        return await self._once("GET", url, None, headers, most_bytes)

    async def _once(
        self, method: str, url: str, body: bytes | None, headers: Mapping[str, str], most_bytes: int
    ) -> HttpAnswer:
        async with self._client({**headers, "Accept-Encoding": "identity"}) as client:
            request = client.build_request(method, url, content=body)
            self.reach.check_url(request.url)
            response = await client.send(request, stream=True)
            try:
                beginning, parts = bytearray(), Parts()
                async for chunk in response.aiter_raw():
                    parts.add(len(chunk))
                    beginning += chunk
                    if len(beginning) >= most_bytes:
                        break
            finally:
                await response.aclose()
            text = _decoded(bytes(beginning[:most_bytes]), response.charset_encoding or "utf-8")
            lowered = {name.lower(): value for name, value in response.headers.items()}
            return HttpAnswer(response.status_code, text, lowered)

    async def _follow(
        self,
        client: httpx.AsyncClient,
        request: httpx.Request,
        check: Callable[[httpx.URL], None] | None,
        explain_errors: bool,
    ) -> WebPage:
        for _ in range(MAX_REDIRECTS + 1):
            self.reach.check_url(request.url)
            if check is not None:
                check(request.url)
            response = await client.send(request, stream=True)
            try:
                if response.next_request is None:
                    return await _page(response, explain_errors)
                method, url = response.next_request.method, response.next_request.url
            finally:
                await response.aclose()
            if method not in ("GET", "HEAD"):
                raise RequestFailed(
                    f"The server redirects this {method} to {url}. Only readers are followed elsewhere."
                )
            request = client.build_request(method, url)  # without headers that were meant for the first server
        raise RequestFailed(f"More than {MAX_REDIRECTS} redirects.")

    @asynccontextmanager
    async def _client(self, headers: Mapping[str, str]) -> AsyncIterator[httpx.AsyncClient]:
        """A client that connects to checked addresses only, within the timeout. Its errors become ``RequestFailed``."""
        try:
            async with (
                asyncio.timeout(self._timeout_s),
                httpx.AsyncClient(transport=_GuardedTransport(self.reach), headers=headers, trust_env=False) as client,
            ):
                yield client
        except TimeoutError as error:
            raise RequestFailed(f"No complete answer within {self._timeout_s:g} s.") from error
        except httpx.InvalidURL as error:
            raise RequestFailed(f"This is not a usable address: {error}.") from error
        except UnicodeEncodeError:  # of a header of ours, so a bug
            raise
        except UnicodeError as error:  # of a host that is no Punycode, a redirect's too
            raise RequestFailed(f"This is not a usable address: {error}.") from error
        except httpx.HTTPError as error:
            raise RequestFailed(f"The request failed: {str(error) or type(error).__name__}.") from error


@cache
def _ssl_context() -> ssl.SSLContext:
    """Made once, because reading the certificates takes longer than many a request."""
    return httpx.create_ssl_context(trust_env=False)


class _GuardedTransport(httpx.AsyncHTTPTransport):
    """httpx's transport, over connections to checked addresses only."""

    def __init__(self, reach: Reach) -> None:
        super().__init__(verify=_ssl_context(), trust_env=False)
        self._pool = httpcore.AsyncConnectionPool(ssl_context=_ssl_context(), network_backend=CheckedNetwork(reach))


class CheckedNetwork(httpcore.AsyncNetworkBackend):
    """Connects only to addresses that may be reached, each over a ``Wire``.

    ``network`` makes the connections: httpcore's or httpcore2's.
    """

    def __init__(self, reach: Reach, network: Any = None) -> None:
        self._reach = reach
        self._network = network or httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Any = None,
    ) -> httpcore.AsyncNetworkStream:
        try:
            addresses = await self._reach.addresses(host, port)
        except (OSError, UnicodeError) as error:
            raise RequestFailed(f"There is no host {host}.") from error
        connected = await self._network.connect_tcp(addresses[0], port, timeout, local_address, socket_options)
        return cast("httpcore.AsyncNetworkStream", Wire(connected))

    async def connect_unix_socket(self, path: str, timeout: float | None = None, socket_options: Any = None) -> Any:
        raise RequestFailed("Sockets of this machine may not be reached.")

    async def sleep(self, seconds: float) -> None:
        await self._network.sleep(seconds)


async def _page(response: httpx.Response, explain_errors: bool) -> WebPage:
    media_type = response.headers.get("content-type", "text/plain").partition(";")[0].strip().lower()
    is_text = media_type.startswith(TEXT_TYPES)
    if response.is_error:
        reason = f"The server answered {response.status_code} {response.reason_phrase}"
        explanation = await _text(response) if explain_errors and is_text else ""
        raise RequestFailed(f"{reason}: {explanation[:MAX_ERROR_CHARS]}" if explanation else f"{reason}.")
    if not is_text:
        raise RequestFailed(f"This is {media_type}, not text.")
    return WebPage(str(response.url), media_type, await _text(response))


async def _text(response: httpx.Response) -> str:
    unpack = unpacker(response.headers.get("content-encoding", ""))
    sent_bytes, body, parts = 0, bytearray(), Parts()
    async for chunk in response.aiter_raw():
        parts.add(len(chunk))
        sent_bytes += len(chunk)
        body += unpack(chunk, MAX_BYTES + 1 - len(body))
        if max(sent_bytes, len(body)) > MAX_BYTES:
            raise RequestFailed(f"The answer is larger than {MAX_BYTES:,} bytes.")
    return _decoded(bytes(body), response.charset_encoding or "utf-8")


def unpacker(encoding: str) -> Callable[[bytes, int], bytes]:
    """A function that unpacks a chunk into at most so many bytes. httpx's own may make gigabytes of a small chunk.

    ``encoding``: the answer's ``Content-Encoding``. Raises ``RequestFailed`` for one that nobody asked for.
    """
    encoding = encoding.strip().lower()
    if encoding in ("", "identity"):
        return lambda chunk, most_bytes: chunk
    if encoding not in ("gzip", "x-gzip"):
        raise RequestFailed(f"The answer is packed as {encoding[:40]}, which was not asked for.")
    gzip = zlib.decompressobj(wbits=31)

    def unpack(chunk: bytes, most_bytes: int) -> bytes:
        try:
            return gzip.decompress(chunk, most_bytes)
        except zlib.error as error:
            raise RequestFailed(f"The answer cannot be unpacked: {error}.") from error

    return unpack


def _decoded(body: bytes, charset: str) -> str:
    try:
        name = codecs.lookup(charset).name
        text = body.decode("utf-8" if name in SLOW_CHARSETS else name, "replace")
    except (LookupError, ValueError):
        text = body.decode("utf-8", "replace")
    return text.replace("\x00", "")
