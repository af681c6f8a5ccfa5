"""Batches by the API: the shapes, the errors, keys and revisions."""

from __future__ import annotations

import asyncio
import gc
import json
from contextlib import aclosing
from typing import Any

import pytest
from asgiref.sync import async_to_sync, sync_to_async
from django.core.exceptions import RequestAborted

from agents_app.models import Crew, CrewVersion
from runs.feeding.feed import feed
from runs.live import watchman
from runs.models import Batch, Run
from runs.states import RunState
from teams.actions import issue_token, revoke_token
from teams.models import Scope, Team
from tests.cast import Cast, make_crew
from tests.ledger import make_run
from tests.runs.batches.made import end, fed, make_batch, states
from tests.streams import PATIENCE_S
from tests.teams.api.test_if_match import Api

pytestmark = pytest.mark.django_db


@pytest.fixture
def api(cast: Cast) -> Api:
    return Api(cast)


@pytest.fixture
def path() -> str:
    return "/crews/company-brief/batches"


def body(*companies: str, **more: Any) -> dict[str, Any]:
    return {"inputs": [{"company": name} for name in companies]} | more


def test_a_batch_is_launched_once_under_its_key_and_read_with_its_rows(api: Api, crew: Crew, path: str) -> None:
    asked = body("Acme", "Initech", "Hooli", max_concurrency=2, name="Leads", metadata={"customer": "x"})
    first = api.ask("POST", path, asked, key="one")
    assert first.status_code == 202, first.content
    said = first.json()
    assert (said["status"], said["total"], said["pending"], said["runs"], said["name"]) == (
        "running",
        3,
        3,
        [],
        "Leads",
    )
    assert api.ask("POST", path, asked, key="one").json()["id"] == said["id"]
    assert api.ask("POST", path, body("Other"), key="one").status_code == 409
    batch = Batch.objects.get()
    runs = fed(batch)
    assert runs[0].api_token == api.token
    assert runs[0].metadata == {"customer": "x"}
    end(runs[0], nusd=20_000_000)
    Run.objects.filter(pk=runs[0].pk).update(output_raw="Big", prompt_tokens=3)
    end(runs[1], RunState.FAILED, nusd=1_000_000)
    read = api.ask("GET", f"/batches/{said['id']}")
    found = read.json()
    assert read["ETag"] == f'"{found["revision"]}"'
    assert (found["succeeded"], found["failed"], found["pending"]) == (1, 1, 1)
    assert (found["usage"]["cost_usd"], found["usage"]["total_tokens"]) == ("0.021", 3)
    one, two, three = found["items"]
    assert (one["row"], one["inputs"], one["status"], one["output"]["raw"]) == (
        1,
        {"company": "Acme"},
        "succeeded",
        "Big",
    )
    assert (one["run"], one["cost_usd"]) == (str(runs[0].pk), "0.02")
    assert (two["error"]["code"], two["output"]) == ("model_error", None)
    assert (one["added_by"]["token"], found["stranded"]) == (str(api.token), 0)
    assert (three["status"], three["run"], three["cost_usd"], three["url"]) == ("pending", None, None, None)
    run = api.ask("GET", f"/runs/{runs[1].pk}").json()
    assert (run["batch"], run["batch_row"]) == (said["id"], 2)
    assert [item["id"] for item in api.ask("GET", f"/runs?q=batch:{said['id']}").json()["items"]] == [
        str(runs[1].pk),
        str(runs[0].pk),
    ]


def test_rows_come_in_pages_and_by_state(api: Api, cast: Cast, crew: Crew) -> None:
    batch = make_batch(cast.runner, crew, rows=5, max_concurrency=1)
    feed()
    address = f"/batches/{batch.pk}"
    first = api.ask("GET", f"{address}?limit=2").json()
    second = api.ask("GET", f"{address}?limit=3&cursor={first['next']}").json()
    assert [item["row"] for item in [*first["items"], *second["items"]]] == [1, 2, 3, 4, 5]
    assert second["next"] is None
    assert [item["row"] for item in api.ask("GET", f"{address}?status=queued").json()["items"]] == [1]
    assert api.ask("GET", f"{address}?status=pending&limit=1").json()["items"][0]["row"] == 2
    assert api.ask("GET", f"{address}?status=odd").status_code == 422
    assert api.ask("GET", f"{address}?cursor=x").json()["error"]["fields"] == {"cursor": "Start from the first page."}
    other = make_batch(cast.runner, crew)
    listed = api.ask("GET", "/batches?limit=1").json()
    assert listed["items"][0]["id"] == str(other.pk)
    assert api.ask("GET", f"/batches?cursor={listed['next']}").json()["items"][0]["id"] == str(batch.pk)


def test_every_wrong_input_is_named_at_its_row(api: Api, crew: Crew, path: str) -> None:
    refused = api.ask("POST", path, {"inputs": [{"company": "Acme"}, {"firm": 1}, {"company": None}, {}]})
    assert refused.status_code == 422
    assert set(refused.json()["error"]["fields"]) == {"inputs.1.company", "inputs.2.company", "inputs.3.company"}
    for wrong in ({"inputs": []}, {"inputs": [3]}, body("a", max_concurrency="5"), body("a", surprise=1)):
        assert api.ask("POST", path, wrong).status_code == 422
    assert api.ask("POST", path, body("a", budget_usd=1, run_budget_usd=2)).json()["error"]["fields"].keys() == {
        "budget_usd"
    }
    assert not Batch.objects.exists()


def test_it_is_paused_resumed_extended_cancelled_and_run_again(api: Api, cast: Cast, crew: Crew) -> None:
    batch = make_batch(cast.runner, crew, rows=2)
    address = f"/batches/{batch.pk}"
    paused = api.ask("POST", f"{address}/pause", match=f'"{batch.revision}"').json()
    assert (paused["status"], paused["paused_for"]) == ("paused", "person")
    assert api.ask("POST", f"{address}/resume", {}, match=f'"{batch.revision}"').status_code == 412
    assert states(batch) == ("paused", "person")
    resumed = api.ask("POST", f"{address}/resume", {"max_concurrency": 1}, match=f'"{paused["revision"]}"').json()
    assert (resumed["status"], resumed["paused_for"], resumed["max_concurrency"]) == ("running", None, 1)
    for _ in "ab":
        extended = api.ask("POST", f"{address}/rows", body("Late"), key="rows").json()
    assert extended["total"] == 3
    assert api.ask("POST", f"{address}/rows", {"inputs": [{}]}).json()["error"]["fields"].keys() == {"inputs.0.company"}
    assert api.ask("POST", f"{address}/retry").status_code == 409
    end(fed(batch)[0], RunState.FAILED)
    assert api.ask("POST", f"{address}/retry").json()["pending"] == 3
    assert api.ask("POST", f"{address}/cancel").json()["status"] == "cancelled"
    assert api.ask("POST", f"{address}/cancel").status_code == 409


def test_the_draft_that_was_read_is_what_is_launched(api: Api, crew: Crew, path: str) -> None:
    assert api.ask("POST", path, body("Acme"), match='"999"').status_code == 412
    assert api.ask("POST", path, body("Acme"), match=f'"{crew.revision}"').status_code == 202
    assert api.ask("POST", path, body("Acme", version=9)).status_code == 404


def test_another_team_finds_nothing(api: Api, cast: Cast) -> None:
    batch = make_batch(cast.stranger, make_crew(cast.stranger))
    for method, address in (("GET", ""), ("POST", "/pause"), ("POST", "/cancel"), ("POST", "/retry")):
        assert api.ask(method, f"/batches/{batch.pk}{address}").status_code == 404
    assert api.ask("GET", "/batches").json() == {"items": [], "next": None}


def test_who_lets_a_batch_go_on_by_a_token_launches_by_that_one(cast: Cast, api: Api, crew: Crew) -> None:
    ended, _ = issue_token(cast.runner, name="CI", scope=Scope.RUN)
    batch = make_batch(cast.runner, crew, rows=2)
    batch.rows.update(api_token=ended)
    assert api.ask("GET", f"/batches/{batch.pk}").json()["items"][0]["waits_for"] is None
    revoke_token(cast.runner, ended)
    found = api.ask("GET", f"/batches/{batch.pk}").json()
    assert (found["stranded"], [row["waits_for"] for row in found["items"]]) == (2, ["launcher"] * 2)
    assert fed(batch) == []
    assert states(batch) == ("paused", "left")
    assert api.ask("POST", f"/batches/{batch.pk}/resume", {}).status_code == 200
    assert {run.api_token for run in fed(batch)} == {api.token}


def test_an_estimate_is_answered_and_nothing_is_launched(api: Api, cast: Cast, crew: Crew, path: str) -> None:
    asked = body("Acme", "Initech", "Hooli", max_concurrency=3)
    unknown = api.ask("POST", f"{path}/estimate", asked).json()
    assert (unknown["rows"], unknown["simulated"], unknown["cost_usd"]) == (3, True, None)
    for _ in "ab":
        make_run(cast.owner, crew, simulated=True, seconds=10, usd=0.5)
    Team.objects.filter(pk=cast.team.pk).update(runs_at_once=2)
    found = api.ask("POST", f"{path}/estimate", asked | {"budget_usd": "1", "run_budget_usd": "0.5"}).json()
    assert (found["runs"], found["at_once"]) == (2, 2)
    assert (found["cost_usd"], found["duration_ms"]) == ({"low": "1.5", "high": "1.5"}, {"low": 15_000, "high": 15_000})
    assert found["limit"]["code"] == "runs_at_once"
    assert found["limit"]["words"].startswith("3 at once gain nothing over 2: your team has at most 2 runs")
    kept = "each row keeps back its own budget of $0.50"
    assert found["budget"] == {
        "code": "batch_budget",
        "words": f"The batch's budget covers about 2 of 3 rows, since {kept}.",
    }
    refused = api.ask("POST", f"{path}/estimate", {"inputs": [{"firm": 1}], "budget_usd": 1})
    assert refused.json()["error"]["fields"].keys() == {"inputs.0.company"}
    assert api.ask("POST", f"{path}/estimate", body("a", budget_usd=1, run_budget_usd=2)).json()["error"][
        "fields"
    ].keys() == {"budget_usd"}
    assert api.ask("POST", "/crews/nowhere/batches/estimate", asked).status_code == 404
    assert (Batch.objects.exists(), Run.objects.count(), CrewVersion.objects.count()) == (False, 2, 1)


@pytest.mark.django_db(transaction=True)
def test_results_come_as_files(cast: Cast, crew: Crew, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    gc.collect()  # answers of earlier tests, whose files nobody began to read
    batch = make_batch(cast.runner, crew, rows=2)
    runs = fed(batch)
    end(runs[0], nusd=20_000_000)
    Run.objects.filter(pk=runs[0].pk).update(output_raw="=1+1")
    address = f"/batches/{batch.pk}/results"
    csv, lines, book = (api.ask("GET", f"{address}{query}") for query in ("", "?format=jsonl", ""))
    assert book.status_code == 429  # a third one at once
    assert int(book["Retry-After"]) > 0
    assert csv["Content-Disposition"] == 'attachment; filename="company-brief-batch.csv"'
    assert csv["Content-Type"] == "text/csv; charset=utf-8"
    assert b"1,Acme 1,succeeded,'=1+1,0.02," in whole(csv)
    first, second = map(json.loads, whole(lines).splitlines())
    assert (first["output"], first["cost_usd"], second["status"]) == ("=1+1", "0.02", "queued")
    book = api.ask("GET", f"{address}?format=xlsx")
    assert book["Content-Disposition"] == 'attachment; filename="company-brief-batch.xlsx"'
    assert whole(book).startswith(b"PK")
    assert api.ask("GET", f"{address}?format=pdf").status_code == 422
    left = api.ask("GET", address)
    monkeypatch.setattr(watchman, "LOOK_EVERY_S", 0.05)
    async_to_sync(assert_broken_off_with_its_token)(cast, api, left)


async def assert_broken_off_with_its_token(cast: Cast, api: Api, answer: Any) -> None:
    async with aclosing(aiter(answer.streaming_content)) as pieces:
        assert (await anext(pieces)).startswith(b"row,")
        assert (await anext(pieces)).startswith(b"1,")
        (watched,) = watchman.watchman()._streams
        await sync_to_async(revoke_token)(cast.owner, api.token)
        await asyncio.wait_for(watched.wake.wait(), PATIENCE_S)
        with pytest.raises(RequestAborted):
            await anext(pieces)


def whole(answer: Any) -> bytes:
    async def read() -> bytes:
        return b"".join([piece async for piece in answer.streaming_content])

    return async_to_sync(read)()
