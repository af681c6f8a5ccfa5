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
from tests.runs.workers import use_provider

ROOT = Path(__file__).resolve().parents[3]
WARM_UP = """
import sys, django
django.setup()
from runs.worker.runtime import warm_up
assert "litellm" not in sys.modules
warm_up()
print("litellm" in sys.modules)
"""

pytestmark = pytest.mark.django_db(transaction=True)


def is_loaded_by_a_fresh_process() -> bool:
    database = settings.DATABASES["default"]
    url = f"postgresql://{database['USER']}:{database['PASSWORD']}@{database['HOST']}:{database['PORT']}"
    environment = os.environ | {"DATABASE_URL": f"{url}/{database['NAME']}"}
    done = subprocess.run(
        [sys.executable, "-c", WARM_UP], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    return done.stdout.strip() == "True"


def test_with_a_model_providers_key() -> None:
    use_provider(make_cast().owner, OpenAIServer())
    assert is_loaded_by_a_fresh_process()


def test_not_where_everything_is_simulated() -> None:
    make_cast()
    assert not is_loaded_by_a_fresh_process()
