"""Addresses as the log tells of them."""

from __future__ import annotations

from urllib.parse import urlsplit


def site_of(address: str) -> str:
    """Scheme, host and port alone: the log is kept for long, and paths and queries of some servers hold secrets."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return "an address that cannot be read"
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}" if parts.netloc else ""
