"""What tests of people and of signing in stand on: a mail server, and hashes of one round."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from teams.guessing.hashing import BoundedHasher
from tests.receiver import MailServer


@pytest.fixture
def quick_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(BoundedHasher, "iterations", 1)


@pytest.fixture
def server(settings: Any) -> Iterator[MailServer]:
    """Mail is set up, and goes there."""
    settings.EMAIL_READY = True
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    with MailServer() as server:
        settings.EMAIL_HOST, settings.EMAIL_PORT, settings.EMAIL_USE_TLS = "127.0.0.1", server.port, False
        yield server
