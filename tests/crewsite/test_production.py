"""A team server's settings: weak secrets are refused, Django's own checks find nothing, slow statements end."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.db import connection
from django.http import HttpRequest
from django.test import Client

from crewsite import urls
from crewsite.env import BadEnvironment
from crewsite.secret_strength import refuse_weak
from runs.ledger.invariants.check import moment
from tests.application import ROOT
from tests.cast import Cast
from tests.environment import TEST_ENVIRONMENT

GOOD_KEY = secrets.token_urlsafe(50)
GOOD_FERNET_KEY = Fernet.generate_key().decode()
PRODUCTION = {
    "DATABASE_URL": "postgresql://crewsite:x@127.0.0.1:1/crewsite",
    "SECRET_KEY": GOOD_KEY,
    "ENCRYPTION_KEYS": GOOD_FERNET_KEY,
    "PUBLIC_URL": "https://crews.example.com/",
    "DATA_DIR": "/nonexistent",
}


def manage(*arguments: str, module: tuple[str, ...] = ("manage.py",), **environment: str) -> tuple[int, str]:
    """Exit code and all output, in a process that has production's settings and these."""
    kept = {name: value for name, value in os.environ.items() if name not in TEST_ENVIRONMENT}
    command = [sys.executable, *module, *arguments]
    done = subprocess.run(
        command, cwd=ROOT, env=kept | PRODUCTION | environment, capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout + done.stderr


def test_djangos_checks_of_a_deployment_find_nothing() -> None:
    code, output = manage("check", "--deploy", "--fail-level", "WARNING", CREWSITE_PROCESS="web")
    assert code == 0, output
    assert "no issues" in output


@pytest.mark.parametrize("command", [("-m", "crewsite.serving"), ("manage.py", "worker")], ids=["the web", "a worker"])
@pytest.mark.parametrize(
    ("weak", "makes_one"),
    [({"SECRET_KEY": "x"}, "token_urlsafe(50)"), ({"ENCRYPTION_KEYS": "x"}, "Fernet.generate_key()")],
    ids=["SECRET_KEY", "ENCRYPTION_KEYS"],
)
def test_weak_secrets_do_not_start(command: tuple[str, ...], weak: dict[str, str], makes_one: str) -> None:
    code, output = manage(module=command, **weak)
    assert code == 1
    assert makes_one in output
    assert next(iter(weak)) in output
    assert "Traceback" not in output


@pytest.mark.parametrize("weak", ["x", "changeme" * 8, "a" * 64, "short-but-random-7x"])
def test_what_can_be_guessed_is_weak(weak: str) -> None:
    with pytest.raises(BadEnvironment, match="SECRET_KEY"):
        refuse_weak(weak, [GOOD_FERNET_KEY])


def test_each_encryption_key_is_looked_at() -> None:
    refuse_weak(GOOD_KEY, [GOOD_FERNET_KEY, Fernet.generate_key().decode()])
    with pytest.raises(BadEnvironment, match="ENCRYPTION_KEYS"):
        refuse_weak(GOOD_KEY, [GOOD_FERNET_KEY, "A" * 43 + "="])


SHOWN = """
import django; django.setup()
from django.conf import settings as s
options = s.DATABASES["default"]["OPTIONS"].get("options", "")
hsts = s.SECURE_HSTS_SECONDS > 0
print(s.PUBLIC_URL, s.ALLOWED_HOSTS, s.CSRF_TRUSTED_ORIGINS, hsts, s.SECURE_PROXY_SSL_HEADER, options)
"""


@pytest.mark.parametrize(("process", "bound"), [("web", "30000"), ("worker", "120000"), ("other", "")])
def test_a_slash_at_the_end_is_no_part_of_our_address_and_statements_are_bounded(process: str, bound: str) -> None:
    settings = {"DJANGO_SETTINGS_MODULE": "crewsite.settings", "CREWSITE_PROCESS": process}
    _, output = manage(module=("-c", SHOWN), **settings)
    shown = "https://crews.example.com ['crews.example.com'] ['https://crews.example.com'] True"
    assert output.startswith(f"{shown} ('HTTP_X_FORWARDED_PROTO', 'https')"), output
    assert ("statement_timeout" in output) == bool(bound)
    assert f"statement_timeout={bound}" in output or not bound


def slow(request: HttpRequest) -> Any:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = 50")
        cursor.execute("SELECT pg_sleep(30)")


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/slow/", "/api/slow/"])
def test_a_statement_that_takes_too_long_is_no_fault_of_ours(
    cast: Cast, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    from django.urls import clear_url_caches
    from django.urls import path as route

    monkeypatch.setattr(urls, "urlpatterns", [route(path.strip("/") + "/", slow), *urls.urlpatterns])
    clear_url_caches()
    answer = Client(raise_request_exception=False).get(path)
    clear_url_caches()
    assert answer.status_code == 503
    assert answer.headers["Retry-After"]
    text = answer.content.decode()
    message = json.loads(text)["error"]["message"] if path.startswith("/api/") else text
    assert "took the database too long" in message


@pytest.mark.django_db(transaction=True)
def test_checks_of_the_books_take_as_long_as_they_take() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = 5000")
        try:
            with moment():
                cursor.execute("SHOW statement_timeout")
                assert cursor.fetchone() == ("0",)
        finally:
            cursor.execute("RESET statement_timeout")
