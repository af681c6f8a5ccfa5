"""The JSON API as its fixed part says: shapes, statuses, idempotency, roles, and strangers."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from agents_app.models import Crew
from runs.models import Run
from runs.states import RunState
from teams.access import Principal
from teams.actions import add_provider, issue_token
from teams.models import ProviderKey, Scope
from tests.cast import Cast, brief_spec, make_crew

pytestmark = pytest.mark.django_db

SOURCE = """
from crewai import Agent, Crew, Task
writer = Agent(role="Writer", goal="Write", backstory="Brief.", llm="gpt-4o-mini")
poem = Task(description="Write a poem about {topic}", expected_output="Four lines", agent=writer)
crew = Crew(agents=[writer], tasks=[poem], verbose=True)
crew.kickoff(inputs={"topic": "rivers"})
"""


class Api:
    """A client with one person's token."""

    def __init__(self, who: Principal, scope: str = Scope.ADMIN) -> None:
        self._client = Client(headers={"Authorization": f"Bearer {issue_token(who, scope=scope)[1]}"})

    def get(self, path: str, **parameters: Any) -> Any:
        return self._client.get(f"/api/v1{path}", parameters)

    def post(self, path: str, body: Any = None, *, key: str = "") -> Any:
        headers = {"Idempotency-Key": key} if key else {}
        return self._client.post(f"/api/v1{path}", json.dumps(body), content_type="application/json", headers=headers)

    def put(self, path: str, body: Any) -> Any:
        return self._client.put(f"/api/v1{path}", json.dumps(body), content_type="application/json")

    def delete(self, path: str) -> Any:
        return self._client.delete(f"/api/v1{path}")


@pytest.fixture
def api(cast: Cast) -> Api:
    return Api(cast.owner)


def test_a_crew_is_imported_with_a_report(api: Api) -> None:
    answer = api.post("/crews/import", {"source": SOURCE, "filename": "crew.py", "name": "Poems"})
    assert answer.status_code == 201
    crew = answer.json()["crew"]
    assert (crew["slug"], crew["name"], crew["version"], crew["complaints"]) == ("poems", "Poems", None, [])
    assert crew["inputs"] == {"topic": "rivers"}
    assert crew["spec"]["tasks"][0]["agent"] == crew["spec"]["agents"][0]["key"]
    assert {note["level"] for note in answer.json()["report"]} <= {"info", "warning"}


def test_files_are_imported_as_multipart(cast: Cast) -> None:
    from django.core.files.uploadedfile import SimpleUploadedFile

    client = Client(headers={"Authorization": f"Bearer {issue_token(cast.owner, scope=Scope.EDIT)[1]}"})
    answer = client.post("/api/v1/crews/import", {"files": SimpleUploadedFile("crew.py", SOURCE.encode())})
    assert answer.status_code == 201


@pytest.mark.parametrize("source", ["", "nothing here", "from crewai import (", "agents: &a [*a]", "{"])
def test_what_is_no_crew_is_refused_with_where_and_why(api: Api, source: str) -> None:
    answer = api.post("/crews/import", {"source": source})
    assert answer.status_code == 422
    assert answer.json()["error"]["code"] == "unreadable_source"
    assert answer.json()["error"]["fields"]


def test_an_import_is_made_once_per_idempotency_key(api: Api) -> None:
    first = api.post("/crews/import", {"source": SOURCE}, key="one")
    assert api.post("/crews/import", {"source": SOURCE}, key="one").json() == first.json()
    assert Crew.objects.count() == 1
    assert api.post("/crews/import", {"source": SOURCE + "\n"}, key="one").status_code == 409


def test_a_crew_is_created_read_replaced_and_archived(api: Api) -> None:
    made = api.post("/crews", brief_spec().to_json())
    assert made.status_code == 201
    spec = made.json()["spec"] | {"description": "Changed"}
    assert api.put("/crews/company-brief", spec).json()["spec"]["description"] == "Changed"
    assert [crew["slug"] for crew in api.get("/crews").json()["items"]] == ["company-brief"]
    assert api.delete("/crews/company-brief").status_code == 204
    assert api.get("/crews/company-brief").status_code == 404


def test_unknown_fields_are_refused_at_their_place(api: Api) -> None:
    answer = api.post("/crews", {"name": "x", "colour": "red", "agents": [{"key": "a", "role": "r", "age": 3}]})
    assert answer.status_code == 422
    assert set(answer.json()["error"]["fields"]) == {"colour", "agents.0.age"}


def launch(api: Api, crew: Crew, body: dict[str, Any] | None = None, **options: Any) -> Any:
    return api.post(f"/crews/{crew.slug}/runs", {"inputs": {"company": "Acme"}} | (body or {}), **options)


def test_a_launch_answers_202_with_where_the_run_is(api: Api, cast: Cast) -> None:
    answer = launch(api, make_crew(cast.owner), {"budget_usd": "0.50", "priority": "high", "metadata": {"a": 1}})
    assert answer.status_code == 202
    body = answer.json()
    assert body["status"] == "queued"
    assert body["estimated_cost_usd"] is None
    run = Run.objects.get(pk=body["id"])
    assert (run.budget_nusd, run.priority, run.metadata, run.simulated) == (500_000_000, "high", {"a": 1}, True)
    assert run.tasks.count() == 3


def test_a_launch_says_which_inputs_no_text_uses(api: Api, cast: Cast) -> None:
    crew = make_crew(cast.owner)
    assert launch(api, crew).json()["warnings"] == []
    answer = launch(api, crew, {"inputs": {"company": "Acme", "compny": "Acme"}})
    assert answer.json()["warnings"] == ["No text of the crew uses the input compny."]


def test_a_launch_is_made_once_per_idempotency_key(api: Api, cast: Cast) -> None:
    crew = make_crew(cast.owner)
    first = launch(api, crew, key="k1").json()
    assert launch(api, crew, key="k1").json()["id"] == first["id"]
    assert launch(api, crew, {"priority": "low"}, key="k1").status_code == 409
    assert Run.objects.count() == 1


def test_inputs_of_every_kind_become_text(api: Api, cast: Cast) -> None:
    run = launch(api, make_crew(cast.owner), {"inputs": {"company": ["Acme", "Bolt"], "n": 3, "o": {"a": 1}}}).json()
    assert Run.objects.get(pk=run["id"]).inputs == {"company": "Acme, Bolt", "n": "3", "o": '{"a": 1}'}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"inputs": {}}, "inputs.company"),
        ({"budget_usd": "-1"}, "budget_usd"),
        ({"budget_usd": "lots"}, "budget_usd"),
        ({"budget_usd": "1e999990"}, "budget_usd"),
        ({"budget_usd": "0.0000000000001"}, "budget_usd"),
        ({"priority": "urgent"}, "priority"),
        ({"version": 0}, "version"),
        ({"surprise": 1}, "surprise"),
    ],
)
def test_a_bad_launch_is_refused_at_its_field(api: Api, cast: Cast, body: dict[str, Any], field: str) -> None:
    answer = launch(api, make_crew(cast.owner), body)
    assert answer.status_code == 422
    assert set(answer.json()["error"]["fields"]) == {field}
    assert not Run.objects.exists()


def test_a_crew_whose_models_have_no_key_is_not_launched_for_real(api: Api, cast: Cast) -> None:
    add_provider(cast.owner, provider="anthropic", api_key="k")
    answer = launch(api, make_crew(cast.owner))
    assert set(answer.json()["error"]["fields"]) == {f"agents.{key}.llm" for key in ("finance", "news", "lead")}


def test_with_a_key_a_run_is_real_and_simulated_models_stay_simulated(api: Api, cast: Cast) -> None:
    add_provider(cast.owner, provider="openai", api_key="k")
    real = launch(api, make_crew(cast.owner)).json()
    assert Run.objects.get(pk=real["id"]).simulated is False
    simulated = launch(api, make_crew(cast.owner, model="simulated/gpt-4o")).json()
    assert Run.objects.get(pk=simulated["id"]).simulated is True


def test_a_version_is_launched_by_number(api: Api, cast: Cast) -> None:
    crew = make_crew(cast.owner)
    launch(api, crew)
    assert launch(api, crew, {"version": 1}).status_code == 202
    assert launch(api, crew, {"version": 9}).status_code == 404
    versions = api.get(f"/crews/{crew.slug}/versions").json()["items"]
    assert [version["number"] for version in versions] == [1]


def test_a_run_is_read_with_its_tasks_and_usage(api: Api, cast: Cast) -> None:
    run_id = launch(api, make_crew(cast.owner)).json()["id"]
    run = api.get(f"/runs/{run_id}").json()
    assert [task["key"] for task in run["tasks"]] == ["figures", "headlines", "brief"]
    assert run["usage"] == {
        "total_tokens": 0,
        "prompt_tokens": 0,
        "cached_prompt_tokens": 0,
        "completion_tokens": 0,
        "reasoning_tokens": 0,
        "successful_requests": 0,
        "cost_usd": "0",
    }
    assert run["created_at"].endswith("Z")
    assert run["output"] is None
    assert api.get(f"/runs/{run_id}/calls").json() == {"items": [], "next": None}


def test_an_unknown_price_makes_the_cost_null_and_not_zero(api: Api, cast: Cast) -> None:
    run_id = launch(api, make_crew(cast.owner)).json()["id"]
    Run.objects.filter(pk=run_id).update(unpriced_calls=1, spent_nusd=5)
    assert api.get(f"/runs/{run_id}").json()["usage"]["cost_usd"] is None


def test_runs_are_listed_filtered_and_paged(api: Api, cast: Cast) -> None:
    crew = make_crew(cast.owner)
    ids = [launch(api, crew).json()["id"] for _ in range(3)]
    first = api.get("/runs", limit=2).json()
    assert [run["id"] for run in first["items"]] == ids[:0:-1]
    second = api.get("/runs", limit=2, cursor=first["next"]).json()
    assert ([run["id"] for run in second["items"]], second["next"]) == (ids[:1], None)
    assert api.get("/runs", q="status:failed").json()["items"] == []
    assert api.get("/runs", q="colour:red").json()["error"]["fields"].keys() == {"q"}


def test_a_queued_run_is_cancelled_once(api: Api, cast: Cast) -> None:
    run_id = launch(api, make_crew(cast.owner)).json()["id"]
    assert api.post(f"/runs/{run_id}/cancel").json()["status"] == RunState.CANCELLED
    assert api.post(f"/runs/{run_id}/cancel").status_code == 409


@pytest.mark.parametrize(
    ("path", "parameters"),
    [
        ("/runs", {"cursor": "x"}),
        ("/runs", {"sort": "cost", "cursor": "nan_01a1fb98-0d27-73b2-9159-6a21224b1da7"}),
        ("/runs", {"sort": "cost", "cursor": "1e400_01a1fb98-0d27-73b2-9159-6a21224b1da7"}),
        ("/runs", {"sort": "beauty"}),
    ],
)
def test_cursors_and_orders_that_are_not_ours_are_refused(api: Api, path: str, parameters: dict[str, str]) -> None:
    assert api.get(path, **parameters).status_code == 422


def test_text_that_cannot_be_stored_is_refused_and_breaks_nothing(api: Api, cast: Cast) -> None:
    for text in ("a\x00b", "a\ud800b"):
        spec = {"name": "x", "agents": [{"key": "a", "role": text}], "tasks": []}
        assert api.post("/crews", spec).status_code == 400
    assert api.get("/crews", cursor="\x00").status_code == 400
    assert launch(api, make_crew(cast.owner), {"inputs": {"company": "a\x00b"}}).status_code == 400


def test_provider_keys_go_in_and_never_come_out(api: Api) -> None:
    body = {"provider": "openai", "name": "default", "api_key": "sk-hidden", "base_url": None, "rpm": 60, "tpm": None}
    made = api.post("/providers", body)
    assert made.status_code == 201
    assert "sk-hidden" not in made.content.decode() + api.get("/providers").content.decode()
    assert api.post("/providers", body).status_code == 409
    assert api.delete(f"/providers/{made.json()['id']}").status_code == 204
    assert not ProviderKey.objects.exists()


def test_strangers_get_404_for_everything_that_is_not_theirs(cast: Cast, api: Api) -> None:
    crew = make_crew(cast.owner)
    run_id = launch(api, crew).json()["id"]
    provider = api.post("/providers", {"provider": "openai", "api_key": "k"}).json()["id"]
    stranger = Api(cast.stranger)
    for path in (f"/crews/{crew.slug}", f"/crews/{crew.slug}/versions", f"/runs/{run_id}", f"/runs/{run_id}/calls"):
        assert stranger.get(path).status_code == 404, path
    assert launch(stranger, crew).status_code == 404
    assert stranger.post(f"/runs/{run_id}/cancel").status_code == 404
    assert stranger.delete(f"/providers/{provider}").status_code == 404
    assert stranger.put(f"/crews/{crew.slug}", brief_spec().to_json()).status_code == 404
    assert stranger.get("/runs").json()["items"] == stranger.get("/crews").json()["items"] == []


@pytest.mark.parametrize(
    ("scope", "path", "body", "allowed"),
    [
        (Scope.READ, "/crews", {"name": "x"}, False),
        (Scope.READ, "/crews/company-brief/runs", {"inputs": {"company": "A"}}, False),
        (Scope.RUN, "/crews/company-brief/runs", {"inputs": {"company": "A"}}, True),
        (Scope.RUN, "/crews", {"name": "x"}, False),
        (Scope.EDIT, "/crews", {"name": "x"}, True),
        (Scope.EDIT, "/providers", {"provider": "openai", "api_key": "k"}, False),
        (Scope.ADMIN, "/providers", {"provider": "openai", "api_key": "k"}, True),
    ],
)
def test_a_scope_allows_its_own_and_no_more(cast: Cast, scope: str, path: str, body: Any, allowed: bool) -> None:
    make_crew(cast.owner)
    answer = Api(cast.owner, scope).post(path, body)
    assert (answer.status_code in (201, 202)) is allowed
    assert allowed or answer.json()["error"]["code"] == "forbidden"


def test_unreadable_bodies_and_missing_tokens_have_the_apis_shape(cast: Cast) -> None:
    make_crew(cast.owner)
    client = Client()
    assert client.get("/api/v1/runs").json()["error"]["code"] == "unauthenticated"
    client = Client(headers={"Authorization": f"Bearer {issue_token(cast.owner)[1]}"})
    answer = client.post("/api/v1/crews/company-brief/runs", "{not json", content_type="application/json")
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "unreadable")


@pytest.mark.parametrize("path", ["/data-sets", "/batches/1"])
def test_what_is_not_there_answers_404(api: Api, path: str) -> None:
    answer = api.get(path)
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")


def test_the_docs_page_needs_nothing_from_elsewhere(client: Client) -> None:
    page = client.get("/api/v1/docs").content.decode()
    assert "https://" not in page
    schema = client.get("/api/v1/openapi.json").json()
    assert "/api/v1/crews/{slug}/runs" in schema["paths"]
    assert Decimal(schema["info"]["version"]) == 1


def test_a_key_that_is_too_long_is_refused_and_not_cut_off(api: Api, crew: Crew) -> None:
    path, order = f"/crews/{crew.slug}/runs", {"inputs": {"company": "Acme"}}
    assert api.post(path, order, key="k" * 200).status_code == 202
    for where, body in ((path, order), (f"/crews/{crew.slug}/analyze", {"company": "Acme"}), ("/agents", {})):
        refused = api.post(where, body, key="k" * 201)
        assert refused.status_code == 422
    assert list(api.post(path, order, key="k" * 201).json()["error"]["fields"]) == ["Idempotency-Key"]
    assert Run.objects.count() == 1
