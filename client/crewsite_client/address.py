"""Where the server is, and whether a token may be sent there."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit, urlunsplit

from crewsite_client.errors import UnsafeAddress

API = "/api/v1"


def checked_address(url: str, *, over_http: bool = False) -> str:
    """The server's address without a slash at its end; ``/api/v1`` at its end may be given and is left out.

    Raises ``UnsafeAddress`` for what is no http(s) address, holds a password or a query, or would carry the token in
    the clear to another machine without ``over_http``.
    """
    try:
        parts = urlsplit(url.strip())
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise UnsafeAddress("The server's address is no address.") from None
    if parts.scheme not in ("http", "https") or not host:
        raise UnsafeAddress("The server's address begins with https:// and names a host.")
    if parts.username is not None or parts.password is not None:
        raise UnsafeAddress("The server's address holds no name and no password.")
    if parts.query or parts.fragment:
        raise UnsafeAddress("The server's address ends with its path.")
    if parts.scheme == "http" and not is_loopback(host) and not over_http:
        raise UnsafeAddress(
            f"A token is not sent to {host} over http, where everybody on the way can read it. "
            "Use https, or say that it may be (over_http, --over-http)."
        )
    path = parts.path.rstrip("/").removesuffix(API)
    return urlunsplit((parts.scheme, parts.netloc, path, "", ""))


def is_loopback(host: str) -> bool:
    """Whether the host is this machine by its name or number; names are not looked up."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def leaves_machine(url: str) -> bool:
    """Whether requests to it may go through a proxy: those to this machine never do."""
    return not is_loopback(urlsplit(url).hostname or "")


def checked_token(token: str) -> str:
    """Without blanks around it. Raises ``UnsafeAddress`` for what cannot stand in a header; it is not shown there."""
    token = token.strip()
    if not token:
        raise UnsafeAddress("There is no token.")
    if not all("!" <= sign <= "~" for sign in token):
        raise UnsafeAddress("The token holds signs that no token has; copy it again.")
    return token
