"""The connections to model providers: one pool for each event loop and reach, to checked addresses only."""

from __future__ import annotations

import asyncio
import atexit
import logging
import socket
import ssl
from collections.abc import AsyncGenerator
from contextlib import suppress
from dataclasses import dataclass
from urllib.request import getproxies

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from engine.web.addresses import Reach

log = logging.getLogger(__name__)

MAX_CONNECTIONS, MAX_PER_HOST = 1000, 500
KEPT_S, NAMES_KEPT_S = 120, 300
"""How long an idle connection is kept, and a look-up."""
CLOSE_TIMEOUT_S = 1.0


@dataclass(frozen=True, slots=True)
class _Pool:
    """``lifetime`` stays suspended until the event loop shuts its asynchronous generators down, and then closes it."""

    session: aiohttp.ClientSession
    lifetime: AsyncGenerator[aiohttp.ClientSession]


_Key = tuple[asyncio.AbstractEventLoop, Reach]
_pools: dict[_Key, _Pool] = {}


async def session_within(reach: Reach, *, tls: ssl.SSLContext | bool) -> aiohttp.ClientSession:
    """This event loop's pool of connections within ``reach``. It is closed with its loop."""
    key = (asyncio.get_running_loop(), reach)
    if key not in _pools:
        lifetime = _lifetime(key, new_session(reach, tls=tls))
        _pools[key] = _Pool(await anext(lifetime), lifetime)
    return _pools[key].session


def new_session(reach: Reach, *, tls: ssl.SSLContext | bool) -> aiohttp.ClientSession:
    """A pool that whoever asks for it closes. aiohttp does not look up, and so not check, what is an IP address."""
    if proxies := [f"{scheme}_proxy" for scheme in ("http", "https", "all") if scheme in getproxies()]:
        log.warning("Model providers are asked without the environment's proxies (%s).", ", ".join(proxies))
    connector = aiohttp.TCPConnector(
        resolver=CheckedNames(reach),
        limit=MAX_CONNECTIONS,
        limit_per_host=MAX_PER_HOST,
        keepalive_timeout=KEPT_S,
        ttl_dns_cache=NAMES_KEPT_S,
        ssl=tls,
    )
    return aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar(), trust_env=False)


class CheckedNames(AbstractResolver):
    """aiohttp's look-up of names. Raises ``AddressRefused`` for a name that leads out of reach."""

    def __init__(self, reach: Reach) -> None:
        self._reach = reach

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        return [_result(host, port, address) for address in await self._reach.addresses(host, port)]

    async def close(self) -> None:
        pass


async def _lifetime(key: _Key, session: aiohttp.ClientSession) -> AsyncGenerator[aiohttp.ClientSession]:
    try:
        yield session
    finally:
        _pools.pop(key, None)
        await session.close()


@atexit.register
def _close_all() -> None:
    """Closes the pools of loops that run in other threads until the process ends."""
    for (loop, _), pool in list(_pools.items()):
        if loop.is_running():
            with suppress(TimeoutError, RuntimeError):
                asyncio.run_coroutine_threadsafe(pool.lifetime.aclose(), loop).result(CLOSE_TIMEOUT_S)


def _result(host: str, port: int, address: str) -> ResolveResult:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    return ResolveResult(hostname=host, host=address, port=port, family=family, proto=0, flags=socket.AI_NUMERICHOST)
