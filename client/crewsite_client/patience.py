"""How long a try may take as a whole: a limit of each wait alone lets a server that sends a byte now and then, or heads
or packed nothings without end, keep a client for ever.

httpx has limits of single waits only. The client for asyncio has asyncio's; the other one reads through the streams of
this module, which are put below httpx's connections.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import httpcore
import httpx

WHOLE = 4
"""A try may take so many times the limit of one wait, and a second more for each ``LEAST_BYTES`` sent or come."""
LEAST_BYTES = 10_000
TOO_LONG = "The whole of it takes too long."


class Patience:
    """Of one try, which sends so many bytes."""

    def __init__(self, timeout_s: float, sent: int = 0) -> None:
        self._until = time.monotonic() + WHOLE * timeout_s + sent / LEAST_BYTES

    def got(self, size: int) -> None:
        self._until += size / LEAST_BYTES

    @property
    def left_s(self) -> float:
        return self._until - time.monotonic()


@asynccontextmanager
async def in_time(patience: Patience) -> AsyncIterator[Callable[[], None]]:
    """Raises ``httpx.ReadTimeout`` once no patience is left. What is given is to be called after it was made longer."""
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(patience.left_s) as limit:
            yield lambda: limit.reschedule(loop.time() + patience.left_s)
    except TimeoutError:
        raise httpx.ReadTimeout(TOO_LONG) from None


class Waits:
    """Which patience a thread's waits are under; none, unless it says so."""

    def __init__(self, client: httpx.Client) -> None:
        self._local = threading.local()
        for transport in (client._transport, *client._mounts.values()):  # the latter are proxies'
            if isinstance(transport, httpx.HTTPTransport):
                pool = transport._pool
                pool._network_backend = _Backend(pool._network_backend, self)

    @contextmanager
    def under(self, patience: Patience) -> Iterator[None]:
        self._local.patience = patience
        try:
            yield
        finally:
            self._local.patience = None

    def least(self, timeout: float | None, ended: type[Exception]) -> float | None:
        """Of the limit of one wait and what is left. Raises ``ended`` if nothing is."""
        patience: Patience | None = getattr(self._local, "patience", None)
        if patience is None:
            return timeout
        left = patience.left_s
        if left <= 0:
            raise ended(TOO_LONG)
        return left if timeout is None else min(timeout, left)


class _Backend(httpcore.NetworkBackend):
    def __init__(self, backend: httpcore.NetworkBackend, waits: Waits) -> None:
        self._backend = backend
        self._waits = waits

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        timeout = self._waits.least(timeout, httpcore.ConnectTimeout)
        return _Stream(self._backend.connect_tcp(host, port, timeout, local_address, socket_options), self._waits)

    def sleep(self, seconds: float) -> None:
        self._backend.sleep(seconds)


class _Stream(httpcore.NetworkStream):
    def __init__(self, stream: httpcore.NetworkStream, waits: Waits) -> None:
        self._stream = stream
        self._waits = waits

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, self._waits.least(timeout, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, self._waits.least(timeout, httpcore.WriteTimeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(self, ssl_context: Any, server_hostname: str | None = None, timeout: float | None = None) -> _Stream:
        timeout = self._waits.least(timeout, httpcore.ConnectTimeout)
        return _Stream(self._stream.start_tls(ssl_context, server_hostname, timeout), self._waits)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)
