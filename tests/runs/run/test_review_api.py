"""A person's word by the API: what it answers, what it refuses, and that it may be sent twice."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client

from runs.models import Review, Run
from runs.states import RunState
from runs.worker.process import WorkerProcess
from teams.access import Principal
from teams.actions import issue_token
from teams.models import Role, Scope
from tests.cast import Cast
from tests.openai_server import OpenAIServer
from tests.runs.workers import execute, launched, task, use_provider

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def provider(cast: Cast) -> Iterator[OpenAIServer]:
    with OpenAIServer("An answer") as server:
        use_provider(cast.owner, server)
        yield server


def waiting(cast: Cast, worker: WorkerProcess) -> Run:
    run = launched(cast.runner, task("draft", human_input=True))
    assert execute(run, worker).state == RunState.WAITING
    return run


SCOPES = {Role.VIEWER: Scope.READ, Role.RUNNER: Scope.RUN, Role.OWNER: Scope.ADMIN}


class Api:
    def __init__(self, who: Principal) -> None:
        self._client = Client(headers={"Authorization": f"Bearer {issue_token(who, scope=SCOPES[who.role])[1]}"})

    def approve(self, run: Run, key: str = "", **body: Any) -> Any:
        headers = {"Idempotency-Key": key} if key else {}
        path = f"/api/v1/runs/{run.pk}/approve"
        return self._client.post(path, json.dumps(body), content_type="application/json", headers=headers)


def test_the_api_approves_and_a_repeated_request_is_answered_the_same(
    cast: Cast, worker: WorkerProcess, provider: OpenAIServer
) -> None:
    run = waiting(cast, worker)
    api = Api(cast.runner)
    first = api.approve(run, "key-1", task="draft", approved=False, comment="Shorter")
    assert (first.status_code, first.json()["status"], first.json()["waiting_for"]) == (200, "queued", "queue")
    execute(run, worker)
    again = api.approve(run, "key-1", task="draft", approved=False, comment="Shorter")
    assert (again.status_code, again.json()) == (200, first.json())
    assert Review.objects.filter(approved=None).count() == 1
    assert api.approve(run, "key-1", task="draft").status_code == 409


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"approved": True}, "task"),
        ({"task": "draft", "approved": False}, "comment"),
        ({"task": "draft", "approved": False, "comment": " \n"}, "comment"),
        ({"task": "draft", "comment": "x" * 20_001}, "comment"),
        ({"task": "draft", "number": -1}, "number"),
        ({"task": "draft", "call": "no id"}, "call"),
        ({"task": "draft", "verdict": "fine"}, "verdict"),
    ],
)
def test_the_api_names_the_field_that_is_wrong(
    cast: Cast, worker: WorkerProcess, provider: OpenAIServer, body: dict[str, Any], field: str
) -> None:
    run = waiting(cast, worker)
    refused = Api(cast.runner).approve(run, **body)
    assert refused.status_code == 422
    assert any(field in name for name in refused.json()["error"]["fields"]), refused.json()
    assert Review.objects.get().approved is None


def test_the_api_refuses_who_may_not_and_what_does_not_wait(
    cast: Cast, worker: WorkerProcess, provider: OpenAIServer
) -> None:
    run = waiting(cast, worker)
    assert Api(cast.viewer).approve(run, task="draft").status_code == 403
    assert Api(cast.stranger).approve(run, task="draft").status_code == 404
    api = Api(cast.runner)
    assert api.approve(run, task="another").status_code == 409
    assert api.approve(run, task="draft", number=1).status_code == 409
    assert api.approve(run, task="draft", call=str(uuid4())).status_code == 409
    assert api.approve(run, task="draft", number=0).status_code == 200
    assert api.approve(run, task="draft").status_code == 409
