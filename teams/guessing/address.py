"""Where a request comes from, as limits count it."""

from __future__ import annotations

import ipaddress

from django.http import HttpRequest

IPV6_PREFIX = 64
"""Bits of an IPv6 address that count: a provider gives each customer at least a whole network of this size."""


def client_address(request: HttpRequest) -> str:
    """The client's IPv4 address or IPv6 network; "" if it is unknown, as on a Unix socket.

    Behind a proxy the server (``crewsite.serving``) has put there what that proxy says of the client.
    """
    return counted_address(request.META.get("REMOTE_ADDR", ""))


def counted_address(text: str) -> str:
    """The IPv4 address, or the network of an IPv6 one; "" if it is neither.

    Some proxies add a port, as in ``192.0.2.1:80`` or ``[::1]:80``.
    """
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return ""
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ipaddress.ip_network((address, IPV6_PREFIX), strict=False))
