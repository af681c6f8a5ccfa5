"""What tests stand on: a real PostgreSQL, started only if a test asks for a database, and the people and crew in it."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from django.db import transaction
from django.test import TransactionTestCase
from hypothesis import HealthCheck, settings
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from agents_app.models import Crew
from tests.cast import Cast, make_cast, make_crew
from tests.environment import GIVEN_DATABASE

# How fast examples are made says something of the machine, and nothing of what is tested.
settings.register_profile("crewsite", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("crewsite")


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """A server of this process's own in a folder of its own; or the one that DATABASE_URL named."""
    if GIVEN_DATABASE:
        yield os.environ["DATABASE_URL"]
        return
    from crewsite.local.postgres import Postgres

    quick = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
    with tempfile.TemporaryDirectory(prefix="crewsite-test-") as folder:
        os.chmod(folder, 0o755)
        postgres = Postgres(Path(folder) / "postgres", settings=quick)
        try:
            url = postgres.start()
            _hash_password_once(url)
            yield url
        finally:
            postgres.stop()


def _hash_password_once(url: str) -> None:
    """Each of some thousand connections would else hash the server's password 4,096 times."""
    with psycopg.connect(url) as connection:
        connection.execute("SET scram_iterations = 1")
        password = sql.Literal(conninfo_to_dict(url)["password"])
        connection.execute(sql.SQL("ALTER ROLE CURRENT_USER PASSWORD {}").format(password))


@pytest.fixture(scope="session")
def django_db_modify_db_settings(postgres_url: str, django_db_modify_db_settings_parallel_suffix: None) -> None:
    from django.conf import settings
    from django.db import connections

    from crewsite import env

    found = env.database(postgres_url)
    os.environ["DATABASE_URL"] = postgres_url
    for name in ("NAME", "USER", "PASSWORD", "HOST", "PORT"):
        settings.DATABASES["default"][name] = found[name]
        connections["default"].settings_dict[name] = found[name]


@pytest.fixture(scope="session")
def django_db_keepdb(django_db_keepdb: bool) -> bool:
    """The database goes with the server that was started for it: to drop it first is to write all of it to the disk."""
    return django_db_keepdb or not GIVEN_DATABASE


@pytest.fixture(scope="session", autouse=True)
def quick_flush() -> Iterator[None]:
    """After a test that commits, rows are deleted where there are any. Django truncates all tables and writes its
    content types and permissions anew, which takes fifty times as long."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TransactionTestCase, "_fixture_teardown", lambda case: _delete_rows())
        yield


def _delete_rows() -> None:
    from django.db import connection

    kept = ("django_migrations", "django_content_type", "auth_permission")
    tables = [name for name in connection.introspection.django_table_names(only_existing=True) if name not in kept]
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")  # keys and triggers do not look
        cursor.execute("".join(f'DELETE FROM "{name}";' for name in tables))


@pytest.fixture(scope="session")
def open_folder() -> Iterator[Path]:
    """A folder that every account may pass into: as root, PostgreSQL runs under another one."""
    with tempfile.TemporaryDirectory(prefix="crewsite-test-") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.fixture
def cast() -> Cast:
    """The file's own mark says how the database is reached, ``django_db`` or ``django_db(transaction=True)``."""
    return make_cast()


@pytest.fixture
def crew(cast: Cast) -> Crew:
    return make_crew(cast.owner)
