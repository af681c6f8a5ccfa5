"""How requests to webhooks are signed and what their secrets look like: the scheme of Standard Webhooks, so that
receivers can check them with existing libraries. Sending is in ``deliveries``.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from datetime import UTC, datetime

from standardwebhooks import Webhook as StandardWebhook

PREFIX = "whsec_"


def new_signing_secret() -> str:
    """``whsec_`` and 256 random bits in padded base64 of the standard alphabet, which every library takes."""
    return PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()


def signed_headers(secret: str, *, delivery_id: str, body: bytes, at: datetime) -> dict[str, str]:
    """The scheme's three headers for one try at the time ``at``. ``body`` is what is sent, to the letter.

    A webhook whose secret has the old form also gets the old headers, so that its receiver need not be changed.
    """
    timestamp = int(at.timestamp())
    at_utc = datetime.fromtimestamp(timestamp, UTC)  # the library takes the digits of any other zone for UTC
    headers = {
        "webhook-id": delivery_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": StandardWebhook(signing_key(secret)).sign(delivery_id, at_utc, body.decode()),
    }
    if not _is_padded(secret):
        headers["X-Crewsite-Delivery"] = delivery_id
        headers["X-Crewsite-Signature"] = _old_signature(secret, timestamp, body)
    return headers


def signing_key(secret: str) -> bytes:
    """The bytes that the secret encodes; the bytes of its own text if it is not base64.

    Secrets made before 2026-11-28 are url-safe base64 without padding. Most libraries refuse that, and Python's drops
    each ``-`` and ``_``. Their receivers put ``+`` for ``-``, ``/`` for ``_`` and ``=`` at the end: the same bytes.
    """
    encoded = secret.removeprefix(PREFIX).rstrip("=").replace("-", "+").replace("_", "/")
    try:
        key = base64.b64decode(encoded + "=" * (-len(encoded) % 4), validate=True)
    except ValueError:
        key = b""
    return key or secret.encode()


def _is_padded(secret: str) -> bool:
    """Whether it has the present form: 32 bytes in padded base64 end in one ``=``."""
    return secret.endswith("=")


def _old_signature(secret: str, timestamp: int, body: bytes) -> str:
    """The scheme before Standard Webhooks: an HMAC with the secret's text over time and body."""
    signature = hmac.new(secret.encode(), f"{timestamp}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={timestamp},v1={signature}"
