"""Signatures by the scheme of Standard Webhooks, for secrets of every form that may be stored."""

from __future__ import annotations

import base64
import secrets
from datetime import UTC, datetime, timedelta, timezone

import pytest
from standardwebhooks import Webhook as StandardWebhook

from teams.webhooks.signatures import new_signing_secret, signed_headers, signing_key
from tests.receiver import Received

BODY = '{"note":"ümläut"}'.encode()


def test_the_standards_own_example_has_the_same_signature() -> None:
    """https://github.com/standard-webhooks/standard-webhooks/blob/main/libraries/python/tests/test_webhooks.py"""
    headers = signed_headers(
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        delivery_id="msg_p5jXN8AQM9LWM0D4loKWxJek",
        body=b'{"test": 2432232314}',
        at=datetime.fromtimestamp(1614265330, UTC),
    )
    assert headers["webhook-id"] == "msg_p5jXN8AQM9LWM0D4loKWxJek"
    assert headers["webhook-timestamp"] == "1614265330"
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_a_new_secret_is_256_bits_in_the_one_form_that_every_library_takes() -> None:
    made = {new_signing_secret() for _ in range(100)}
    assert len(made) == 100
    for secret in made:
        prefix, encoded = secret[:6], secret[6:]
        assert prefix == "whsec_"
        key = base64.b64decode(encoded, validate=True)
        assert len(key) == 32
        assert base64.b64encode(key).decode() == encoded
        assert signing_key(secret) == key


def test_a_secret_of_the_old_form_is_the_same_key_once_it_is_rewritten() -> None:
    for _ in range(100):
        encoded = secrets.token_urlsafe(32)
        rewritten = "whsec_" + encoded.replace("-", "+").replace("_", "/") + "="
        assert signing_key(f"whsec_{encoded}") == signing_key(rewritten) == base64.urlsafe_b64decode(encoded + "=")


@pytest.mark.parametrize("secret", ["whsec_", "whsec_=", "whsec_a", "whsec_not base64!", "whsec_süß", "plain", "="])
def test_a_secret_that_is_not_base64_signs_with_its_own_bytes(secret: str) -> None:
    assert signing_key(secret) == secret.encode()
    headers = signed_headers(secret, delivery_id="1", body=BODY, at=datetime.now(UTC))
    assert StandardWebhook(secret.encode()).verify(BODY, headers) == {"note": "ümläut"}


def test_the_time_may_be_in_any_zone() -> None:
    secret, at = new_signing_secret(), datetime.now(timezone(timedelta(hours=5)))
    headers = signed_headers(secret, delivery_id="1", body=BODY, at=at)
    assert StandardWebhook(secret).verify(BODY, headers) == {"note": "ümläut"}


def test_only_a_secret_of_the_old_form_brings_the_old_headers() -> None:
    at = datetime.now(UTC)
    new = signed_headers(new_signing_secret(), delivery_id="1", body=BODY, at=at)
    assert set(new) == {"webhook-id", "webhook-timestamp", "webhook-signature"}
    old_secret = f"whsec_{secrets.token_urlsafe(32)}"
    old = signed_headers(old_secret, delivery_id="1", body=BODY, at=at)
    assert set(old) - set(new) == {"X-Crewsite-Delivery", "X-Crewsite-Signature"}
    assert Received(old, BODY).is_signed_the_old_way(old_secret)
