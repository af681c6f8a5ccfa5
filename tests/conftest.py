"""What tests stand on: a real PostgreSQL, started only if a test asks for a database, and settings that loosen nothing."""

from __future__ import annotations

import os
import secrets
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

TEST_ENVIRONMENT = {
    "DJANGO_SETTINGS_MODULE": "crewsite.settings",
    "SECRET_KEY": secrets.token_urlsafe(50),
    "ENCRYPTION_KEYS": Fernet.generate_key().decode(),
    "CREWSITE_LOCAL": "1",
    "SIMULATED_LATENCY_S": "0",
    "LOG_LEVEL": "WARNING",
    # Tests that want a worker start one in a process of its own; for the others nobody hears the bell.
    "BROKER_URL": "memory://",
    # Replaced by the address of the server that is started when the first test needs it.
    "DATABASE_URL": "postgresql://crewsite@127.0.0.1:1/crewsite",
}

if "DATABASE_URL" in os.environ:
    TEST_ENVIRONMENT["DATABASE_URL"] = os.environ["DATABASE_URL"]
GIVEN_DATABASE = "DATABASE_URL" in os.environ
os.environ.update(TEST_ENVIRONMENT)


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """A server for this session in a folder of its own; or the one that DATABASE_URL named."""
    if GIVEN_DATABASE:
        yield os.environ["DATABASE_URL"]
        return
    from crewsite.postgres import Postgres

    quick = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
    with tempfile.TemporaryDirectory(prefix="crewsite-test-") as folder:
        os.chmod(folder, 0o755)
        postgres = Postgres(Path(folder) / "postgres", settings=quick)
        try:
            yield postgres.start()
        finally:
            postgres.stop()


@pytest.fixture(scope="session")
def django_db_modify_db_settings(postgres_url: str) -> None:
    from django.conf import settings
    from django.db import connections

    from crewsite import env

    found = env.database(postgres_url)
    os.environ["DATABASE_URL"] = postgres_url
    for name in ("NAME", "USER", "PASSWORD", "HOST", "PORT"):
        settings.DATABASES["default"][name] = found[name]
        connections["default"].settings_dict[name] = found[name]

