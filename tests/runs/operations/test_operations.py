"""The page of workers and its API: each figure against what is in the database, and to whom it is shown."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.core.exceptions import PermissionDenied
from django.db import connection
from django.test import Client
from django.utils import timezone

from runs.models import Call, Run, WorkerSeen
from runs.operations.queries import EXPIRED, FROZEN, IDLE, OPEN_CALLS, Operations, operations
from runs.worker import claim, presence
from runs.worker.process import WorkerProcess
from runs.worker.sweeper import sweep
from teams.access import Principal
from teams.actions import issue_token, set_operator
from tests.cast import Cast
from tests.runs.workers import execute, launched, task

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def operator(cast: Cast) -> Principal:
    """A viewer of the team who operates the installation."""
    set_operator(cast.viewer.user, is_operator=True)
    return cast.viewer


def ago(**span: float) -> Any:
    return timezone.now() - timedelta(**span)


def change(run: Run, **fields: Any) -> Run:
    Run.objects.filter(pk=run.pk).update(**fields)
    return run


def page(who: Principal, query: str = "", **headers: str) -> Any:
    client = Client(headers=headers)
    client.force_login(who.user)
    return client.get(f"/t/{who.team.slug}/workers/{query}")


def api(who: Principal, query: str = "") -> Any:
    _, secret = issue_token(who, scope="read")
    return Client(headers={"authorization": f"Bearer {secret}"}).get(f"/api/v1/operations{query}")


def stuck(now: Operations) -> dict[UUID, str]:
    return {line.id: line.reason for line in now.stuck_runs}


def test_states_are_those_of_now_and_ended_ones_those_of_a_day(cast: Cast) -> None:
    launched(cast.runner, task("a"))
    running = launched(cast.runner, task("a"))
    claim.claim(running.pk, owner="host:1")
    change(launched(cast.runner, task("a")), state="waiting", waiting_for="person")
    change(launched(cast.runner, task("a")), state="failed", finished_at=timezone.now())
    old = launched(cast.runner, task("a"))
    old.tasks.all().delete()
    two_days_ago = UUID(int=(int((time.time() - 2 * 86_400) * 1000) << 80) | (old.pk.int & ((1 << 80) - 1)))
    change(old, id=two_days_ago, state="failed", finished_at=ago(days=2))
    now = operations(cast.viewer)
    assert now.states == {"queued": 1, "running": 1, "waiting": 1, "succeeded": 0, "failed": 1, "cancelled": 0}
    assert now.waiting_for == {"person": 1}
    assert [(line.id, line.worker, line.crew) for line in now.running] == [(running.pk, "host:1", "Test")]


def test_the_queues_age_and_waits_are_by_the_databases_clock(cast: Cast) -> None:
    assert operations(cast.viewer).oldest_queued_s is None
    assert operations(cast.viewer).wait_p50_s is None
    change(launched(cast.runner, task("a")), created_at=ago(seconds=300))
    for wait_s in (1, 2, 3, 4, 100):
        began = ago(minutes=5)
        run = change(launched(cast.runner, task("a")), created_at=began - timedelta(seconds=wait_s), started_at=began)
        change(run, state="succeeded", finished_at=timezone.now())
    change(launched(cast.runner, task("a")), created_at=ago(hours=9), started_at=ago(hours=2))
    Run.objects.filter(started_at__lt=ago(hours=1)).update(state="succeeded", finished_at=timezone.now())
    now = operations(cast.viewer)
    assert 295 < (now.oldest_queued_s or 0) < 900
    assert now.begun_last_hour == 5
    assert now.wait_p50_s == pytest.approx(3)
    assert now.wait_p95_s == pytest.approx(80.8)


def test_a_run_that_went_back_to_the_queue_is_as_old_as_its_last_step(cast: Cast) -> None:
    run = launched(cast.runner, task("a"))
    claim.claim(run.pk, owner="host:1")
    call = open_call(run)
    Call.objects.filter(pk=call.pk).update(state="ok", started_at=ago(seconds=25), finished_at=ago(seconds=20))
    change(run, state="queued", lease_until=None, lease_owner="", created_at=ago(days=3))
    now = operations(cast.viewer)
    assert 19 < (now.oldest_queued_s or 0) < 55
    assert now.stuck_count == 0


def open_call(run: Run) -> Call:
    values = {"step": 0, "epoch": 1, "kind": "model", "purpose": "work", "billed_month": timezone.now().date()}
    return Call.objects.create(team=run.team, run=run, task_run=run.tasks.first(), **values)


def test_stuck_is_what_does_not_go_on_although_it_could(cast: Cast) -> None:
    fresh = launched(cast.runner, task("a"))
    idle = change(launched(cast.runner, task("a")), created_at=ago(seconds=90))
    held = launched(cast.runner, task("a"))
    claim.claim(held.pk, owner="host:1")
    orphan = launched(cast.runner, task("a"))
    claim.claim(orphan.pk, owner="host:2")
    change(orphan, lease_until=ago(seconds=5))
    asking = change(launched(cast.runner, task("a")), state="waiting", waiting_for="person", created_at=ago(days=1))
    left_open = launched(cast.runner, task("a"))
    open_call(left_open)
    change(left_open, state="failed", finished_at=ago(seconds=45))
    settling = launched(cast.runner, task("a"))
    open_call(settling)
    change(settling, state="failed", finished_at=ago(seconds=3))

    now = operations(cast.viewer)
    assert stuck(now) == {idle.pk: IDLE, orphan.pk: EXPIRED, left_open.pk: OPEN_CALLS}
    assert now.stuck == {IDLE: 1, EXPIRED: 1, OPEN_CALLS: 1, FROZEN: 0}
    assert not {fresh.pk, held.pk, asking.pk, settling.pk} & set(stuck(now))


def test_while_every_worker_is_full_what_waits_is_a_queue_and_not_stuck(cast: Cast) -> None:
    change(launched(cast.runner, task("a")), created_at=ago(seconds=90))
    worker = WorkerSeen.objects.create(name="host:1", capacity=4, holding=4)
    assert operations(cast.viewer).stuck_count == 0
    WorkerSeen.objects.filter(pk=worker.pk).update(holding=3)
    assert operations(cast.viewer).stuck_count == 1


def test_what_waits_of_a_team_that_has_its_part_of_every_worker_is_a_queue_and_not_stuck(cast: Cast) -> None:
    WorkerSeen.objects.create(name="host:1", capacity=8, holding=7)
    WorkerSeen.objects.create(name="host:2", capacity=8, holding=8)
    for _ in range(7):
        claim.claim(launched(cast.runner, task("a")).pk, owner="host:1")
    change(launched(cast.runner, task("a")), created_at=ago(seconds=90))
    change(launched(cast.stranger, task("a")), created_at=ago(seconds=90))
    assert operations(cast.viewer).stuck_count == 0
    assert operations(cast.stranger).stuck_count == 1  # a place is kept for it
    WorkerSeen.objects.create(name="host:3", capacity=8, holding=0)
    assert operations(cast.viewer).stuck_count == 1


def test_a_member_sees_their_own_team_alone_and_every_worker(cast: Cast) -> None:
    foreign = launched(cast.stranger, task("a"))
    claim.claim(foreign.pk, owner="host:1")
    change(launched(cast.stranger, task("a")), created_at=ago(minutes=9))
    WorkerSeen.objects.create(name="host:1", capacity=64, holding=1)
    now = operations(cast.owner)
    assert sum(now.states.values()) == now.stuck_count == now.begun_last_hour == 0
    assert now.oldest_queued_s is None
    assert now.running == []
    assert [(worker.name, worker.holding) for worker in now.workers] == [("host:1", 1)]
    for text in (page(cast.owner).content.decode(), api(cast.owner).content.decode()):
        assert "Others" not in text
        assert str(foreign.pk) not in text
    with pytest.raises(PermissionDenied):
        operations(cast.owner, whole=True)
    assert api(cast.owner, "?scope=installation").status_code == 403


def test_an_operator_sees_all_teams_runs_but_not_what_they_make(cast: Cast, operator: Principal) -> None:
    foreign, own = launched(cast.stranger, task("a")), launched(cast.runner, task("a"))
    for run in (foreign, own):
        claim.claim(run.pk, owner="host:1")
    now = operations(operator, whole=True)
    assert {(line.id, line.team, line.crew) for line in now.running} == {
        (foreign.pk, "Others", ""),
        (own.pk, "Acme", "Test"),
    }
    html = page(operator).content.decode()
    assert str(foreign.pk) in html
    assert f"/runs/{foreign.pk}/" not in html
    assert f"/runs/{own.pk}/" in html
    mine = page(operator, "?scope=team").content.decode()
    assert str(foreign.pk) not in mine
    assert api(operator).json()["scope"] == "installation"
    assert api(operator, "?scope=team").json()["states"]["running"] == 1
    assert api(operator, "?scope=x").status_code == 422


def test_a_stranger_gets_404_and_the_signed_out_are_sent_to_sign_in(cast: Cast) -> None:
    client = Client()
    assert client.get("/t/acme/workers/").headers["location"].startswith("/signin/")
    client.force_login(cast.stranger.user)
    assert client.get("/t/acme/workers/").status_code == 404
    assert Client().get("/api/v1/operations").status_code == 401


def test_the_page_reads_the_same_number_of_queries_however_many_runs(
    cast: Cast, django_assert_num_queries: Callable[[int], Any]
) -> None:
    def read() -> None:
        with django_assert_num_queries(8):
            operations(cast.viewer)

    read()
    for _ in range(5):
        change(launched(cast.runner, task("a")), created_at=ago(minutes=5))
    read()


def test_without_a_worker_the_page_says_how_to_start_one(cast: Cast) -> None:
    assert "No worker has been seen: start one with <code>make worker</code>" in page(cast.viewer).content.decode()
    WorkerSeen.objects.create(name="host:1", seen_at=ago(seconds=40))
    html = page(cast.viewer).content.decode()
    assert "No worker has been seen for 30 seconds" in html
    assert ">lost<" in html


def test_htmx_gets_the_part_alone(cast: Cast) -> None:
    part = page(cast.viewer, **{"HX-Request": "true"}).content.decode()
    assert "<html" not in part
    assert 'id="worker-count"' in part
    assert "hx-get" not in part


def test_more_than_are_shown_are_counted(cast: Cast) -> None:
    run = launched(cast.runner, task("a"))
    change(run, created_at=ago(minutes=5))
    for _ in range(51):
        Run.objects.create(team=run.team, crew=run.crew, version=run.version, created_at=ago(minutes=4))
    now = operations(cast.viewer)
    assert (len(now.stuck_runs), now.stuck[IDLE]) == (50, 52)
    assert now.stuck_runs[0].id == run.pk
    assert "The longest of 52 are shown." in page(cast.viewer).content.decode()


def test_a_worker_says_that_it_lives_what_it_holds_and_that_it_stops(cast: Cast) -> None:
    worker = WorkerProcess()
    try:
        worker.presence.begin()
        row = seen(worker.name)
        assert (row.holding, row.stopping) == (0, False)
        worker.presence.note(holding=3, stopping=True)
        later = seen(worker.name)
        assert (later.holding, later.stopping, later.started_at) == (3, True, row.started_at)
        assert later.seen_at > row.seen_at
    finally:
        worker.stop(grace_s=0)
    assert not WorkerSeen.objects.filter(name=worker.name).exists()


def seen(name: str) -> WorkerSeen:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        if row := WorkerSeen.objects.filter(name=name).first():
            return row
        time.sleep(0.05)
    raise AssertionError("the worker was not seen")


def begun(name: str) -> presence.Presence:
    made = presence.Presence(name)
    made.begin()
    return made


def test_a_name_that_comes_again_begins_anew(cast: Cast) -> None:
    WorkerSeen.objects.create(name="host:1", started_at=ago(days=2), seen_at=ago(hours=2), holding=7, stopping=True)
    begun("host:1").note(holding=0)
    row = WorkerSeen.objects.get()
    assert row.started_at > ago(minutes=5)
    assert (row.holding, row.stopping) == (0, False)


def test_a_stopping_worker_is_shown_as_such_and_has_no_room(cast: Cast) -> None:
    begun("host:1").note(holding=3, stopping=True)
    now = operations(cast.viewer)
    assert [worker.state for worker in now.workers] == ["stopping"]
    assert (now.capacity, now.holding) == (0, 3)
    assert ">stopping<" in page(cast.viewer).content.decode()


def test_a_worker_whose_loop_stands_still_is_shown_as_such_and_its_runs_are_stuck(cast: Cast) -> None:
    held, elsewhere = launched(cast.runner, task("a")), launched(cast.runner, task("a"))
    claim.claim(held.pk, owner="host:1")
    claim.claim(elsewhere.pk, owner="host:2")
    begun("host:1").note(holding=1, still_s=7)
    begun("host:2").note(holding=1, still_s=0.2)
    now = operations(cast.viewer)
    assert stuck(now) == {held.pk: FROZEN}
    assert now.stuck_runs[0].seconds >= 7
    assert {worker.name: worker.state for worker in now.workers} == {"host:1": "frozen", "host:2": "ready"}
    assert (len(now.here), now.frozen, now.holding) == (1, 1, 1)
    html = page(cast.viewer).content.decode()
    assert ">frozen<" in html
    assert "event loop stands still" in html
    assert api(cast.viewer).json()["stuck"]["frozen"] == 1
    claim.expire([(held.pk, 1)])  # its watchdog gave it up
    assert stuck(operations(cast.viewer)) == {held.pk: EXPIRED}


def test_a_sweep_forgets_workers_that_were_not_seen_for_a_day(cast: Cast) -> None:
    WorkerSeen.objects.create(name="gone", seen_at=ago(hours=25))
    WorkerSeen.objects.create(name="lost", seen_at=ago(hours=23))
    sweep()
    assert list(WorkerSeen.objects.values_list("name", flat=True)) == ["lost"]


def test_a_run_is_seen_while_it_runs_and_gone_when_it_ended(cast: Cast) -> None:
    run = launched(cast.runner, task("a"))
    worker = WorkerProcess()
    try:
        execute(run, worker)
    finally:
        worker.stop(grace_s=0)
        connection.close()
    now = operations(cast.viewer)
    assert now.states["succeeded"] == 1
    assert now.running == []
    assert now.begun_last_hour == 1
