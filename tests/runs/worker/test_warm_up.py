"""A worker that starts loads LiteLLM before its first run asks for it, if there is a key for anything real."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings

from tests.cast import make_cast
from tests.openai_server import OpenAIServer
from tests.runs.workers import launched, task, use_provider

ROOT = Path(__file__).resolve().parents[3]
WARM_UP = """
import os, sys
from django.core.management import execute_from_command_line
from crewsite.celery import app

def begin(arguments):
    from runs.worker.runtime import warm_up
    assert "litellm" not in sys.modules
    warm_up()
    print("litellm" in sys.modules, "crewsite.urls" in sys.modules, os.environ["CELERY_SKIP_CHECKS"])

app.worker_main = begin
execute_from_command_line(["manage.py", "worker"])
"""
"""``manage.py worker`` as far as Celery, which would look at Django's checks too: they load all pages."""

EXECUTE = """
import sys, django
from importlib.abc import MetaPathFinder
django.setup()
from runs.models import Call, Run
from runs.worker.process import WorkerProcess
from tests.runs.workers import execute

class Noted(MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name == "litellm":
            print("calls begun:", Call.objects.count())

sys.meta_path.insert(0, Noted())
worker = WorkerProcess()
print(execute(Run.objects.get(), worker).state)
worker.stop(grace_s=1)
"""

pytestmark = pytest.mark.django_db(transaction=True)


def said_by_a_fresh_process(script: str) -> list[str]:
    database = settings.DATABASES["default"]
    url = f"postgresql://{database['USER']}:{database['PASSWORD']}@{database['HOST']}:{database['PORT']}"
    environment = os.environ | {"DATABASE_URL": f"{url}/{database['NAME']}"}
    command = [sys.executable, "-c", script]
    return subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    ).stdout.splitlines()


def test_with_a_model_providers_key() -> None:
    use_provider(make_cast().owner, OpenAIServer())
    assert said_by_a_fresh_process(WARM_UP) == ["True False 1"]


def test_not_where_everything_is_simulated() -> None:
    make_cast()
    assert said_by_a_fresh_process(WARM_UP) == ["False False 1"]


def test_a_key_that_came_later_makes_no_first_call_wait() -> None:
    """The import is nobody's time but ours: no call is open meanwhile."""
    who = make_cast().owner
    with OpenAIServer() as server:
        use_provider(who, server)
        launched(who, task("a"))
        assert set(said_by_a_fresh_process(EXECUTE)) == {"calls begun: 0", "succeeded"}
