"""What tests stand on: a real PostgreSQL, started only if a test asks for a database, and settings that loosen nothing.

Tests of the engine start neither Django nor a database. Everywhere else Django is set up before a test module is read;
a ``conftest.py`` in a folder is read earlier and must not import models at its top.
"""

from __future__ import annotations

import base64
import os
import secrets
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

WITHOUT_DJANGO = Path(__file__).parent / "engine"
GIVEN_DATABASE = os.environ.get("DATABASE_URL", "")
DATA = tempfile.TemporaryDirectory(prefix="crewsite-data-")
(Path(DATA.name) / "static").mkdir()
os.environ.update(
    {
        "SECRET_KEY": secrets.token_urlsafe(50),
        "ENCRYPTION_KEYS": base64.urlsafe_b64encode(os.urandom(32)).decode(),
        "CREWSITE_LOCAL": "1",
        "DATA_DIR": DATA.name,  # never the developer's own
        "SIMULATED_LATENCY_S": "0",
        "LOG_LEVEL": "WARNING",
        "HASHED_STATIC": "0",
        # Tests that want a worker start one in a process of its own; for the others nobody hears the bell.
        "BROKER_URL": "memory://",
        # Replaced by the address of the server that is started when the first test needs it.
        "DATABASE_URL": GIVEN_DATABASE or "postgresql://crewsite@127.0.0.1:1/crewsite",
    }
)


def pytest_pycollect_makemodule(module_path: Path) -> None:
    if WITHOUT_DJANGO in module_path.parents or "django.apps" in sys.modules:
        return
    os.environ["DJANGO_SETTINGS_MODULE"] = "crewsite.settings"
    import django

    django.setup()


@pytest.fixture(scope="session", autouse=True)
def no_database_unless_asked_for(request: pytest.FixtureRequest) -> Iterator[None]:
    """pytest-django does this itself only where it has set up Django."""
    if "django.apps" not in sys.modules:
        yield
        return
    with request.getfixturevalue("django_db_blocker").block():
        yield


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """A server for this session in a folder of its own; or the one that DATABASE_URL named."""
    if GIVEN_DATABASE:
        yield GIVEN_DATABASE
        return
    from crewsite.postgres import Postgres

    quick = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
    with tempfile.TemporaryDirectory(prefix="crewsite-test-") as folder:
        os.chmod(folder, 0o711)
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
