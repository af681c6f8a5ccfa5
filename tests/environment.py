"""The environment that tests run in. A pytest plugin of its own, because Django's settings are read before any
conftest.
"""

from __future__ import annotations

import gc
import os
import secrets
import sys
from collections.abc import Iterator

import pytest
from cryptography.fernet import Fernet

TEST_ENVIRONMENT = {
    "DJANGO_SETTINGS_MODULE": "crewsite.settings",
    "SECRET_KEY": secrets.token_urlsafe(50),
    "ENCRYPTION_KEYS": Fernet.generate_key().decode(),
    "CREWSITE_LOCAL": "1",
    "SIMULATED_PACE": "0",
    # Tests ask as fast as they can.
    "API_REQUESTS_PER_MINUTE": "1000000",
    "LOG_LEVEL": "WARNING",
    "PLAIN_STATIC": "1",
    # Tests that want a worker start one in a process of its own; for the others nobody hears the bell.
    "BROKER_URL": "memory://",
    # Tests start the product's processes again and again: each would compile all of its modules.
    "PYTHONDONTWRITEBYTECODE": "",
}
NO_DATABASE = "postgresql://crewsite@127.0.0.1:1/crewsite"
"""Replaced by the address of the server that is started when the first test needs it."""

GIVEN_DATABASE = os.environ.get("DATABASE_URL", NO_DATABASE) != NO_DATABASE
os.environ.setdefault("DATABASE_URL", NO_DATABASE)
os.environ.update(TEST_ENVIRONMENT)
sys.dont_write_bytecode = False


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """What is read to find the tests is kept until the end: garbage is not collected meanwhile, and never in there."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()
