"""A launch that waits for its result, and clients that were written for a small job server, against the web as it is
started everywhere."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from types import FrameType
from typing import Any

import httpx
import pytest
from django.core.exceptions import RequestAborted
from django.db import DatabaseError

from agents_app.actions import create_crew
from agents_app.models import Crew
from crewsite.serving.pages import _unless_gone
from engine.spec.crew_spec import AgentSpec, CrewSpec, TaskSpec
from runs.launch.jobs_api import _inputs
from runs.live.notify import run_changed
from runs.models import Run
from runs.run.actions import request_cancel
from runs.worker.process import WorkerProcess
from teams.actions import issue_token
from teams.api.later import Outcome
from teams.models import Scope
from tests.cast import Cast, brief_spec
from tests.runs.workers import claim_and_execute
from tests.web_server import web_server

pytestmark = pytest.mark.django_db(transaction=True)
PATIENCE_S = 60
ONE_PAGE_THREAD = {"DATABASE_CONNECTIONS": "6", "LIVE_STREAMS": "20"}
"""And so two streams or waits for each person."""
RATE = ("RateLimit", "RateLimit-Policy")


@pytest.fixture(scope="module")
def address(django_db_setup: None, django_db_blocker: Any) -> Iterator[str]:
    with django_db_blocker.unblock(), web_server(**ONE_PAGE_THREAD) as url:
        yield f"{url}/api/v1"


@pytest.fixture
def headers(cast: Cast) -> dict[str, str]:
    return {"Authorization": f"Bearer {issue_token(cast.owner, scope=Scope.RUN)[1]}"}


@pytest.fixture
def api(address: str, headers: dict[str, str]) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=address, headers=headers, timeout=PATIENCE_S) as client:
        yield client


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(4) as pool:
        yield pool


def launched(count: int) -> list[Run]:
    """The runs, once there are so many: those who launch them are under way."""
    deadline = time.monotonic() + PATIENCE_S
    while len(runs := list(Run.objects.order_by("created_at"))) < count:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return runs


def test_who_waits_gets_the_result_and_holds_no_thread(
    api: httpx.Client, crew: Crew, threads: ThreadPoolExecutor, worker: WorkerProcess
) -> None:
    def launch(key: str, wait: int = 60) -> httpx.Response:
        path, body = f"/crews/{crew.slug}/runs", {"inputs": {"company": "Acme"}}
        return api.post(path, params={"wait": wait}, json=body, headers={"Idempotency-Key": key})

    first, second = threads.submit(launch, "one"), threads.submit(launch, "two")
    runs = launched(2)
    third = launch("three")  # no more than the two may wait, so this one does not
    assert (third.status_code, third.json()["status"]) == (202, "queued")
    assert api.get("/runs").status_code == 200
    assert [first.done(), second.done()] == [False, False]
    for run in runs:
        claim_and_execute(run, worker)
    for answer in (first.result(PATIENCE_S), second.result(PATIENCE_S)):
        assert answer.status_code == 200, answer.text
        assert answer.json()["status"] == "succeeded"
        assert answer.json()["output"]["raw"]
        assert answer.json() == api.get(f"/runs/{answer.json()['id']}").json()
        assert all(name in answer.headers for name in RATE)
    again = launch("one")
    assert (again.status_code, again.json()["id"]) == (200, first.result().json()["id"])
    late = launch("four", wait=1)
    assert (late.status_code, late.json()["status"]) == (202, "queued")
    assert api.post(f"/runs/{runs[0].pk}/rerun").json()["id"] not in {str(run.pk) for run in runs}
    assert Run.objects.count() == 5


def test_a_run_again_is_the_same_once_more(api: httpx.Client, crew: Crew, cast: Cast) -> None:
    body = {"inputs": {"company": "Acme"}, "max_calls": 7, "priority": "low", "metadata": {"by": "us"}}
    first = api.post(f"/crews/{crew.slug}/runs", json=body).json()["id"]
    again = api.post(f"/runs/{first}/rerun", headers={"Idempotency-Key": "k"})
    assert again.status_code == 202
    assert api.post(f"/runs/{first}/rerun", headers={"Idempotency-Key": "k"}).json()["id"] == again.json()["id"]
    same = ("inputs", "max_calls", "priority", "metadata", "version_id", "simulated", "budget_nusd")
    old, new = (Run.objects.get(pk=pk) for pk in (first, again.json()["id"]))
    assert [getattr(new, name) for name in same] == [getattr(old, name) for name in same]
    Run.objects.filter(pk=first).update(max_calls=500)
    cast.owner.team.run_max_calls = 9
    cast.owner.team.save()
    narrower = api.post(f"/runs/{first}/rerun").json()["id"]
    assert Run.objects.get(pk=narrower).max_calls == 9
    crew.archived_at = crew.created_at
    crew.save()
    assert api.post(f"/runs/{first}/rerun").status_code == 404


async def test_a_wait_ends_with_its_client() -> None:
    ended: list[str] = []

    async def outcome() -> Outcome | None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("waiting")
        return None

    gone = asyncio.ensure_future(asyncio.sleep(0))
    with pytest.raises(RequestAborted):
        await _unless_gone(outcome, gone)
    assert ended == ["waiting"]


async def test_a_wait_that_fails_leaves_the_answer_as_it_is() -> None:
    async def outcome() -> Outcome | None:
        raise DatabaseError("gone")

    there = asyncio.ensure_future(asyncio.Event().wait())
    assert await _unless_gone(outcome, there) is None
    there.cancel()


def client_of_a_job_server(address: str, headers: dict[str, str]) -> dict[str, Any]:
    """What a program does that was written for one: it posts, keeps the id, and asks until there is an end."""
    body = {"topic": "Lakes", "keywords": ["deep", "cold"], "priority": "high"}
    answer = httpx.post(f"{address}/analyze", json=body, headers=headers, timeout=PATIENCE_S)
    assert answer.status_code == 200
    job = answer.json()
    assert set(job) == {"job_id", "status", "created_at", "estimated_completion"}
    assert job["status"] == "queued"
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        found = httpx.get(f"{address}/results/{job['job_id']}", headers=headers, timeout=PATIENCE_S)
        found.raise_for_status()
        result: dict[str, Any] = found.json()
        if result["status"] in ("completed", "failed"):
            return result
        assert result["status"] in ("queued", "processing")
        time.sleep(0.05)
    raise AssertionError("The job did not end.")


def content_crew(cast: Cast) -> Crew:
    """Of the inputs, two go by longer names than clients use, and two have a default."""
    text = "Write about {topic} with {target_keywords} in {word_count} words."
    return create_crew(
        cast.owner,
        name="Content",
        spec=CrewSpec(
            name="Content",
            agents=(AgentSpec(key="writer", role="Writer", goal="Write", llm={"model": "gpt-4o-mini"}),),
            tasks=(TaskSpec(key="article", description=text, expected_output="An article", agent="writer"),),
            inputs={"target_keywords": "an example", "word_count": "2000"},
        ),
    )


def test_clients_of_job_servers_need_another_address_and_a_token(
    address: str, headers: dict[str, str], cast: Cast, threads: ThreadPoolExecutor, worker: WorkerProcess
) -> None:
    base = f"{address}/crews/{content_crew(cast).slug}"
    asked: Future[dict[str, Any]] = threads.submit(client_of_a_job_server, base, headers)
    (run,) = launched(1)
    claim_and_execute(run, worker)
    job = asked.result(PATIENCE_S)
    run.refresh_from_db()
    inputs = {"topic": "Lakes", "target_keywords": "deep, cold", "word_count": "2000"}
    assert job["request"] == inputs | {"priority": "high"}
    assert (job["status"], run.priority, "error" in job) == ("completed", "high", False)
    assert job["result"]["content"] == run.output_raw != ""
    assert job["result"]["metadata"] == inputs | {"generated_at": job["completed_at"]}

    asked = threads.submit(client_of_a_job_server, base, headers)
    run = launched(2)[1]
    request_cancel(cast.owner, run)
    run_changed(run.pk)
    job = asked.result(PATIENCE_S)
    assert (job["status"], "result" in job, "completed_at" in job) == ("failed", False, False)
    assert job["error"]

    def refusal(**body: Any) -> tuple[int, set[str]]:
        answer = httpx.post(f"{base}/analyze", json=body, headers=headers)
        return answer.status_code, set(answer.json()["error"]["fields"])

    assert refusal() == (422, {"inputs.topic"})
    assert refusal(topic="x", priority="urgent") == (422, {"priority"})
    assert refusal(topic="x", priority=[1]) == (422, {"priority"})
    assert httpx.get(f"{base}/results/{crewless(run)}", headers=headers).status_code == 404


def test_what_is_null_is_not_given_and_an_input_may_be_called_priority(api: httpx.Client, cast: Cast) -> None:
    crew = content_crew(cast)
    job = api.post(f"/crews/{crew.slug}/analyze", json={"topic": "Lakes", "keywords": None, "word_count": None}).json()
    run = api.post(f"/crews/{crew.slug}/runs", json={"inputs": {"topic": "Lakes", "word_count": None}}).json()
    for pk in (job["job_id"], run["id"]):
        assert Run.objects.get(pk=pk).inputs == {
            "topic": "Lakes",
            "target_keywords": "an example",
            "word_count": "2000",
        }
    missing = api.post(f"/crews/{crew.slug}/runs", json={"inputs": {"topic": None}})
    assert (missing.status_code, set(missing.json()["error"]["fields"])) == (422, {"inputs.topic"})
    misspelt = api.post(f"/crews/{crew.slug}/runs", json={"input": {"topic": "Lakes"}})
    assert misspelt.json()["error"]["fields"] == {"input": "There is no such field."}
    sorter = brief_spec()
    task = sorter.tasks[0].model_copy(update={"description": "Sort {company} by {priority}."})
    sorter = create_crew(cast.owner, name="Sorter", spec=sorter.model_copy(update={"tasks": (task, *sorter.tasks[1:])}))
    base = f"/crews/{sorter.slug}"
    job = api.post(f"{base}/analyze", json={"company": "Acme", "priority": "size"}).json()
    assert api.get(f"{base}/results/{job['job_id']}").json()["request"]["priority"] == "size"


def crewless(run: Run) -> str:
    """The id of no run."""
    return str(run.pk)[:-1] + ("0" if str(run.pk)[-1] != "0" else "1")


def test_many_fields_of_a_job_are_each_looked_at_once() -> None:
    text = " ".join(f"{{the_{number}}}" for number in range(100))
    agent = AgentSpec(key="a", role="r", goal="g")
    task = TaskSpec(key="t", description=text, expected_output="e", agent="a")
    spec = CrewSpec(name="Many", agents=(agent,), tasks=(task,))
    sent = {str(number): "x" for number in range(5_000, 0, -1)}
    calls = 0

    def count(frame: FrameType, event: str, called: Any) -> None:
        nonlocal calls
        calls += event == "c_call"

    sys.setprofile(count)
    try:
        inputs = _inputs(spec, sent)
    finally:
        sys.setprofile(None)
    assert inputs == {(f"the_{name}" if int(name) < 100 else name): "x" for name in sent}
    assert calls < 100_000
