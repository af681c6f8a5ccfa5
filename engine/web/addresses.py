"""Which hosts may be connected to: the one rule for tools, MCP servers, webhooks and model providers.

The rule is about IP addresses and not about names, because a name may point anywhere, and elsewhere a moment later. So
whoever connects asks ``Reach.addresses`` and connects to one of the addresses that it gives, by no further look-up.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import unicodedata
from collections.abc import Awaitable, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import httpx

from engine.errors import EngineError

SCHEMES = ("http", "https")
MAX_URL_CHARS = 500
MAX_LOOKUPS = 32
"""At once in a process. A slow name server holds up other look-ups at most, and no other work on threads."""

IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Resolve = Callable[[str, int], Awaitable[list[str]]]
"""Gives the IP addresses of a host. Raises ``OSError`` or ``UnicodeError`` if there is no such host."""

GLOBAL_V6 = ipaddress.ip_network("2000::/3")
"""All IPv6 addresses of the public internet. What embeds an IPv4 address, but for 6to4 and Teredo, lies outside."""


def _networks(*texts: str) -> tuple[Network, ...]:
    return tuple(map(ipaddress.ip_network, texts))


NEVER_PUBLIC = _networks(
    "0.0.0.0/8",
    "100.64.0.0/10",
    "192.0.0.0/24",
    "192.88.99.0/24",
    "198.18.0.0/15",
    "224.0.0.0/4",
    "240.0.0.0/4",
    "2001::/23",
    "2001:db8::/32",
    "2002::/16",
    "3fff::/20",
)
"""Networks that lead inside or to other address spaces. Python's ``is_global`` accepts some of them."""

LOCAL = _networks(
    "127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "::1/128", "fc00::/7"
)
"""This machine and the networks of a home or an office."""
CLOUD_METADATA = _networks("100.100.100.200/32", "fd00:ec2::/32", "fd20:ce::/32")
"""Where clouds hand out secrets to whoever asks, as far as it lies within ``LOCAL``."""


class RequestFailed(EngineError):
    """The request was refused here, failed, or got no usable answer. Anybody may be told the reason."""

    code = "request_failed"


class AddressRefused(RequestFailed):
    """The address may not be reached from here. Nothing was sent to it."""

    code = "address_refused"


_lookups = ThreadPoolExecutor(MAX_LOOKUPS, thread_name_prefix="lookup")


async def look_up(host: str, port: int) -> list[str]:
    """The system's answer: the hosts file, then name servers."""
    loop = asyncio.get_running_loop()
    infos = await loop.run_in_executor(_lookups, lambda: socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
    return list(dict.fromkeys(str(info[4][0]) for info in infos))


@dataclass(frozen=True, slots=True)
class Reach:
    """The public internet, and what an operator allows beyond it.

    ``allowed``: names or IP addresses that an operator allows although they are not public, in the form that
    ``allowing`` makes. ``local``: this machine and its own networks are allowed too.
    """

    allowed: frozenset[str] = frozenset()
    local: bool = False
    resolve: Resolve = field(default=look_up, repr=False)

    @classmethod
    def allowing(cls, hosts: Iterable[str], *, local: bool = False, resolve: Resolve = look_up) -> Reach:
        """The reach of an operator's list of names and IP addresses."""
        return cls(frozenset(str(literal_address(host) or _plain(host)) for host in hosts), local, resolve)

    def check_url(self, url: httpx.URL) -> None:
        """Raises ``RequestFailed`` for an address that is never used. A name is looked up only when connecting."""
        check_form(url)
        host = url.raw_host.decode("ascii")
        address = literal_address(host)
        if address is None:
            is_refused = _names_this_machine(host) and not (self.local or self.names(host))
        else:
            is_refused = not self._may_reach(host, address)
        if is_refused:
            raise _refused(host)

    async def addresses(self, host: str, port: int) -> list[str]:
        """The host's IP addresses, to connect to. Raises ``AddressRefused``, or what ``resolve`` raises."""
        literal = literal_address(host)
        found = [str(literal)] if literal is not None else await self.resolve(host, port)
        # One bad address is enough to refuse the name: attackers mix them in, so that it sometimes points inside.
        if not found or not all(self._may_reach(host, literal_address(address)) for address in found):
            raise _refused(host)
        return found

    def names(self, host: str) -> bool:
        """Whether an operator allows this host by its name, wherever that points, or by its literal address."""
        return str(literal_address(host) or _plain(host)) in self.allowed

    def _may_reach(self, host: str, address: IpAddress | None) -> bool:
        if self.names(host):
            return True
        if address is None or getattr(address, "scope_id", None):
            return False
        return (
            str(address) in self.allowed
            or is_public(address)
            or (self.local and _is_in(address, LOCAL) and not _is_in(address, CLOUD_METADATA))
        )


PUBLIC = Reach()
"""The public internet alone."""


def host_of(url: httpx.URL) -> str:
    """``url.host``, which is read only now: raises ``AddressRefused`` for what looks like Punycode and is none."""
    try:
        return url.host
    except UnicodeError as error:
        raise _no_host(url.raw_host.decode("ascii")) from error


def _no_host(name: str) -> AddressRefused:
    return AddressRefused(f"{name[:200]} is not the name of a host.")


def check_form(url: httpx.URL) -> None:
    """Raises ``RequestFailed`` for an address of a form that is never used, wherever it leads."""
    host = host_of(url)
    if url.scheme not in SCHEMES or not host:
        raise AddressRefused("Only full http:// and https:// addresses can be reached.")
    if url.userinfo:
        raise AddressRefused("An address with a user name or password in it is not used. Leave them out.")
    if "%" in host and ":" not in host:
        raise _no_host(host)
    if url.port is not None and not 0 < url.port < 65536:
        raise AddressRefused(f"There is no port {url.port}.")


def complaint(text: str, reach: Reach, *, example: str) -> str:
    """Why a typed address is refused wherever its name may point, or ""."""
    if len(text) > MAX_URL_CHARS:
        return f"At most {MAX_URL_CHARS} characters."
    try:
        url = httpx.URL(text)
    except httpx.InvalidURL:
        url = httpx.URL("")
    if url.scheme not in SCHEMES or not url.raw_host:
        return f"Give a full http:// or https:// address, such as {example}."
    try:
        reach.check_url(url)
    except RequestFailed as refused:
        return str(refused)
    return ""


def literal_address(host: str) -> IpAddress | None:
    """The IP address that a host is written as, None for a name.

    Whatever the system takes for an address counts: ``[::1]``, ``127.1``, ``0x7f.1``, ``2130706433``, full-width
    digits. An IPv4 address that is mapped into IPv6 is given as itself.
    """
    text = _plain(host)
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return _old_ipv4(text)
    return getattr(address, "ipv4_mapped", None) or address


def is_public(address: IpAddress) -> bool:
    """Whether it is an address of the public internet."""
    if isinstance(address, ipaddress.IPv6Address) and address not in GLOBAL_V6:
        return False
    return address.is_global and not address.is_multicast and not _is_in(address, NEVER_PUBLIC)


def _is_in(address: IpAddress, networks: tuple[Network, ...]) -> bool:
    return any(address in network for network in networks if network.version == address.version)


def _old_ipv4(text: str) -> ipaddress.IPv4Address | None:
    """An IPv4 address of fewer parts or with octal or hexadecimal ones, as C reads it."""
    try:
        return ipaddress.IPv4Address(socket.inet_aton(text)) if text.isascii() and " " not in text else None
    except OSError:
        return None


def _plain(host: str) -> str:
    """The host in the form in which names are compared: as the system's look-up folds it, without brackets and dot."""
    folded = unicodedata.normalize("NFKC", host).replace("\u3002", ".").lower()
    return folded.removeprefix("[").removesuffix("]").rstrip(".")


def _names_this_machine(host: str) -> bool:
    name = _plain(host)
    return name == "localhost" or name.endswith((".localhost", ".localdomain"))


def _refused(host: str) -> AddressRefused:
    name = _plain(host)
    return AddressRefused(
        f"{name[:200]} is not a public address, so it may not be reached from here. If it should be, an operator can "
        f"name it in ALLOWED_PRIVATE_HOSTS."
    )
