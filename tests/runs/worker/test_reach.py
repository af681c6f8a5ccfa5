"""A worker asks a team's provider only where the operator lets it, whatever the key's address was when it was kept."""

from __future__ import annotations

from typing import Any

import pytest

from runs.states import RunState
from runs.worker.process import WorkerProcess
from tests.cast import Cast
from tests.openai_server import OpenAIServer
from tests.runs.workers import assert_sums, execute, launched, task, use_provider

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_key_that_leads_inside_is_not_used(cast: Cast, worker: WorkerProcess, settings: Any, host: str) -> None:
    with OpenAIServer("secret of the inside") as server:
        server.url = server.url.replace("127.0.0.1", host)
        use_provider(cast.owner, server)
        settings.ALLOW_LOCAL_PROVIDERS = False
        run = launched(cast.runner, task("ask"))
        assert execute(run, worker).state == RunState.FAILED
        assert server.requests == 0
        assert f"{host} is not a public address" in run.error
        assert "ALLOWED_PRIVATE_HOSTS" in run.error
        assert "secret" not in run.error
        assert (run.spent_nusd, run.reserved_nusd) == (0, 0)
        assert_sums(run)
        settings.ALLOWED_PRIVATE_HOSTS = frozenset({host})
        assert execute(launched(cast.runner, task("ask")), worker).state == RunState.SUCCEEDED
