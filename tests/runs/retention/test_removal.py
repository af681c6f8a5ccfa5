"""Texts of runs that ended long ago go; every figure stays, and nothing else is touched."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.utils import timezone

from runs.batches.actions import cancel
from runs.ledger import invariants, rollups
from runs.models import Batch, Call, Review, Run, TaskRun
from runs.retention.actions import MAX_DAYS, keep_texts
from runs.retention.removal import remove_due, remove_older
from teams.models import Team
from teams.refusals import Invalid
from tests.cast import Cast, make_crew
from tests.openai_server import OpenAIServer
from tests.runs.batches.made import make_batch
from tests.runs.workers import agent, execute, in_thread, launched, task, use_provider

pytestmark = pytest.mark.django_db(transaction=True)

SECRET = "Zirconium"
CACHED = (agent(llm={"model": "gpt-4o-mini", "max_tokens": 50, "cache_ttl_s": 600}),)
TEXTS = {
    Run: ("inputs", "output_raw", "output_json", "error"),
    TaskRun: ("output_raw", "output_json", "error", "cache_key"),
    Call: ("messages", "reply", "arguments", "tool_output", "error", "cache_key"),
    Review: ("answer", "comment"),
}
TOUCHED = (*TEXTS[Run], "texts_removed_at", "revision")


@pytest.fixture
def provider(cast: Cast) -> Iterator[OpenAIServer]:
    with OpenAIServer(lambda body: f"{SECRET} it is.") as server:
        use_provider(cast.owner, server)
        yield server


@pytest.fixture
def ended(cast: Cast, provider: OpenAIServer, workers: Any) -> Run:
    """A run for real, whose task was sent back once by a person; its texts hold ``SECRET``."""
    run = launched(cast.runner, task("plain"), agents=CACHED)
    execute(run, workers[0])
    run.refresh_from_db()
    Review.objects.create(task_run=run.tasks.get(), number=0, answer=SECRET, comment=SECRET)
    return run


def aged(run: Run, *, days: int) -> None:
    """As if the run had ended so long ago."""
    Run.objects.filter(pk=run.pk).update(finished_at=timezone.now() - timedelta(days=days))
    rollups.rebuild(run.team_id)


def rows(model: Any, without: tuple[str, ...]) -> list[Mapping[str, Any]]:
    columns = [field.attname for field in model._meta.concrete_fields if field.name not in without]
    return list(model.objects.order_by("pk").values(*columns))


def test_texts_go_and_figures_stay(cast: Cast, ended: Run) -> None:
    keep_texts(cast.owner, 30)
    aged(ended, days=31)
    before = {model: rows(model, TOUCHED if model is Run else texts) for model, texts in TEXTS.items()}
    assert remove_due(within_s=60) == 1
    assert before == {model: rows(model, TOUCHED if model is Run else texts) for model, texts in TEXTS.items()}
    with connection.cursor() as cursor:
        for model in TEXTS:
            cursor.execute(
                f"SELECT count(*) FROM {model._meta.db_table} AS one WHERE one::text LIKE %s", [f"%{SECRET}%"]
            )
            assert cursor.fetchone() == (0,), model
    ended.refresh_from_db()
    assert ended.texts_removed_at is not None
    assert invariants.check() == []
    assert remove_due(within_s=60) == 0, "once"


def test_younger_runs_live_ones_and_other_teams_keep_theirs(cast: Cast, ended: Run) -> None:
    aged(ended, days=29)
    live = launched(cast.runner, task("plain"))
    Run.objects.filter(pk=live.pk).update(created_at=timezone.now() - timedelta(days=99))
    assert remove_due(within_s=60) == 0, "no team has set a time"
    keep_texts(cast.owner, 30)
    keep_texts(cast.stranger, 1)
    assert remove_due(within_s=60) == 0
    assert Call.objects.filter(reply__isnull=False).exists()


def test_an_answer_without_its_text_is_not_reused(cast: Cast, provider: OpenAIServer, ended: Run, workers: Any) -> None:
    keep_texts(cast.owner, 1)
    aged(ended, days=2)
    Call.objects.update(finished_at=timezone.now())  # as if the time of its cache were longer than that of texts
    remove_due(within_s=60)
    execute(launched(cast.runner, task("plain"), agents=CACHED), workers[0])
    assert len(provider.billed) == 2


def test_two_processes_share_the_work(cast: Cast, ended: Run) -> None:
    keep_texts(cast.owner, 1)
    aged(ended, days=2)
    found: list[int] = []
    threads = [in_thread(lambda: found.append(remove_due(within_s=60))) for _ in range(4)]
    for thread in threads:
        thread.join()
    assert sorted(found) == [0, 0, 0, 1]


def test_inputs_of_rows_that_a_cancelled_batch_never_started_go_too(cast: Cast) -> None:
    crew = make_crew(cast.owner)
    old, young, running = (make_batch(cast.runner, crew, rows=2) for _ in range(3))
    cancel(cast.runner, old)
    cancel(cast.runner, young)
    Batch.objects.filter(pk=old.pk).update(finished_at=timezone.now() - timedelta(days=40))
    Team.objects.filter(pk=cast.team.pk).update(keep_texts_days=30)
    remove_due(within_s=5)
    assert [row.inputs for row in old.rows.all()] == [{}, {}]
    assert all(row.inputs for batch in (young, running) for row in batch.rows.all())
    remove_older(cast.team, days=0)
    assert [row.inputs for row in young.rows.all()] == [{}, {}]
    assert all(row.inputs for row in running.rows.all())


def test_pages_say_that_texts_are_gone(cast: Cast, ended: Run, client: Client) -> None:
    keep_texts(cast.owner, 1)
    aged(ended, days=2)
    remove_due(within_s=60)
    client.force_login(cast.viewer.user)
    call = Call.objects.get()
    for path in (f"runs/{ended.pk}/", f"runs/{ended.pk}/calls/{call.pk}/"):
        page = client.get(f"/t/{cast.team.slug}/{path}")
        assert page.status_code == 200
        assert "The texts of this run were removed" in page.content.decode()
        assert SECRET not in page.content.decode()


@pytest.mark.parametrize("days", [0, -1, MAX_DAYS + 1])
def test_a_time_out_of_bounds_is_refused(cast: Cast, days: int) -> None:
    with pytest.raises(Invalid):
        keep_texts(cast.owner, days)


def test_owners_alone_set_it_and_their_page_keeps_what_they_typed(cast: Cast, client: Client) -> None:
    with pytest.raises(PermissionDenied):
        keep_texts(cast.editor, 30)
    address = f"/t/{cast.team.slug}/limits/texts/"
    client.force_login(cast.editor.user)
    assert client.post(address, {"days": 30}).status_code == 403
    client.force_login(cast.owner.user)
    refused = client.post(address, {"days": 9999})
    assert (refused.status_code, "9999" in refused.content.decode()) == (422, True)
    assert client.post(address, {"days": 30}).status_code == 302
    limits = client.get(f"/t/{cast.team.slug}/limits/").content.decode()
    assert "Texts of runs are kept 30 days" in " ".join(limits.split())
    cast.team.refresh_from_db()
    assert cast.team.keep_texts_days == 30


def test_an_operator_removes_those_of_one_team(cast: Cast, ended: Run) -> None:
    aged(ended, days=10)
    said = StringIO()
    call_command("remove_texts", "--team", cast.team.slug, "--days", "30", stdout=said)
    call_command("remove_texts", "--team", cast.team.slug, "--days", "9", stdout=said)
    assert [line.split(" of ")[1] for line in said.getvalue().splitlines()] == ["0 runs", "1 run"]
    for arguments in (("--team", "nobody", "--days", "9"), ("--team", cast.team.slug, "--days", "0")):
        with pytest.raises(CommandError):
            call_command("remove_texts", *arguments)
