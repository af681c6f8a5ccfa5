"""Requests that were answered with 500 once, or were accepted though the document forbids them."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from agents_app.models import Crew
from runs.models import Alert
from teams.actions import issue_token
from teams.models import Scope
from tests.hostile.rows import Rows, make_rows
from tests.made_once import made_once
from tests.pages import CREW, CREWS, RUNS, html, signed_in

pytestmark = pytest.mark.django_db

API = "/api/v1"


rows = made_once(make_rows)


@pytest.fixture
def api(rows: Rows) -> Client:
    return Client(headers={"Authorization": f"Bearer {issue_token(rows.cast.owner, scope=Scope.ADMIN)[1]}"})


@pytest.fixture
def owner(rows: Rows) -> Client:
    return signed_in(rows.cast.owner)


def send(api: Client, path: str, body: str | dict[str, Any], method: str = "POST") -> tuple[int, dict[str, Any]]:
    text = body if isinstance(body, str) else json.dumps(body)
    answer = api.generic(method, API + path, text, content_type="application/json")
    return answer.status_code, answer.json().get("error", {})


def crew(**fields: Any) -> dict[str, Any]:
    return {"name": "x", "agents": [{"key": "a", "role": "r"}], "tasks": [{"key": "t", "description": "d"}], **fields}


@pytest.mark.parametrize("path", ["/crews/import", "/documents"])
def test_an_upload_without_a_file(api: Client, path: str) -> None:
    answer = api.post(API + path, {"title": "x"} if path == "/documents" else {"name": "x"})
    assert answer.status_code == 422
    assert answer.json()["error"]["fields"].keys() <= {"file", "files"}


@pytest.mark.parametrize(
    "fields", [{"name": "a\x00b"}, {"name": "x" * 201}, {"other": "x"}, {"name": ["a", "b"]}], ids=str
)
def test_the_fields_beside_a_file_are_read_strictly(api: Client, fields: dict[str, Any]) -> None:
    file = SimpleUploadedFile("crew.py", b"from crewai import Agent\na = Agent(role='x', goal='y', backstory='z')\n")
    answer = api.post(f"{API}/crews/import", {"files": file, **fields})
    assert answer.status_code == 422
    assert answer.json()["error"]["fields"].keys() == fields.keys()


def test_a_box_to_clear_the_files_beside_files(owner: Client) -> None:
    file = SimpleUploadedFile("crew.py", b"x = 1")
    assert owner.post(f"{CREWS}import/", {"uploads": file, "uploads-clear": "on"}).status_code == 422
    assert owner.post("/t/acme/knowledge/add/", {"uploads": file, "uploads-clear": "on"}).status_code == 422


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ('{"name": "x", "tasks": [], "name": "y"}', "given twice in one object (line 1, column 28)"),
        ('{"name": "x", "tasks": [{"key": "a", "description": "", "key": "b"}]}', "given twice"),
        ('{"name": "x", "tasks": [], "max_rpm": NaN}', "NaN is not a JSON number"),
        ('{"name": "x\\u0000", "tasks": []}', "NUL"),
        ('{"name": "x\\ud800", "tasks": []}', "half of a character"),
        ("[" * 3_000, "nested"),
        ("{", "expecting property name"),
    ],
)
def test_json_that_means_two_things_at_every_door(owner: Client, api: Client, text: str, part: str) -> None:
    status, error = send(api, "/crews", text)
    assert (status, error["code"]) == (400, "unreadable")
    assert part in error["message"]
    for path in (f"{CREW}json/", f"{CREWS}import/"):
        answer = owner.post(path, {"spec": text, "source": text, "revision": 1})
        assert answer.status_code == 422, path
        assert part in html(answer), path
    assert part in html(owner.post(f"{CREWS}import/save/", {"spec-0": text}, follow=True))
    assert send(api, "/crews/import", text)[0] == 400


def test_two_agents_or_tasks_with_one_key(owner: Client, api: Client) -> None:
    doubled = crew(tasks=[{"key": "t", "description": "d"}] * 2)
    status, error = send(api, "/crews", doubled)
    assert (status, error["fields"]) == (422, {"tasks.1.key": "The key 't' is given twice."})
    assert send(api, "/crews/company-brief", doubled, "PUT")[0] == 422
    assert send(api, "/crews/import", {"source": json.dumps(doubled)})[0] == 422
    revision = Crew.objects.get(slug="company-brief").revision
    answer = owner.post(f"{CREW}json/", {"spec": json.dumps(doubled), "revision": revision})
    assert answer.status_code == 422
    assert "is given twice" in html(answer)


def test_a_task_with_a_long_name(api: Client, owner: Client) -> None:
    status, error = send(api, "/crews", crew(tasks=[{"key": "t", "description": "d", "name": "x" * 201}]))
    assert (status, list(error["fields"])) == (422, ["tasks.0.name"])
    source = f"Task(description='d', expected_output='e', name='{'x' * 201}')"
    assert "name was left out" in html(owner.post(f"{CREWS}import/", {"source": source}))


@pytest.mark.parametrize("value", ["NaN", "Infinity", "1e999"])
def test_numbers_that_json_lacks(api: Client, value: str) -> None:
    body = f'{{"inputs": {{"company": "x"}}, "metadata": {{"a": [{value}]}}}}'
    status, error = send(api, "/crews/company-brief/runs", body)
    assert (status, list(error["fields"])) == (400, ["metadata.a.0"])


@pytest.mark.parametrize(
    "path",
    [f"{RUNS}last/?crew=%00", f"{RUNS}?q=%00", f"{RUNS}?cursor=%00", f"{CREWS}?q=a%00", "/t/acme/knowledge/?q=%00&x=1"],
)
def test_a_nul_in_a_query(owner: Client, path: str) -> None:
    assert owner.get(path).status_code == 400


@pytest.mark.parametrize("path", [f"{CREW}tasks/%00/", f"{CREW}agents/a%00/", "/signin/%00/", "/%00", "/static/%00"])
def test_a_nul_in_a_path(owner: Client, path: str) -> None:
    assert owner.get(path).status_code == 404


def test_a_nul_in_a_cookie() -> None:
    assert Client(headers={"Cookie": 'crewsite_session="\\000abcdefgh"'}).get(CREWS).status_code == 400


def test_a_body_in_another_encoding(owner: Client) -> None:
    answer = owner.generic("POST", f"{CREWS}new/", b"x", content_type="multipart/form-data; boundary=x; charset=hex")
    assert answer.status_code == 400
    assert "UTF-8" in html(answer)


@pytest.mark.parametrize("back", ["NaN", "crews", "", "//evil.example", "http://[", "x" * 5_000])
def test_a_way_back_that_is_no_address(rows: Rows, owner: Client, back: str) -> None:
    answer = owner.post(f"/t/acme/alerts/{Alert.objects.get().pk}/dismiss/", {"next": back})
    assert answer.status_code in (302, 400)


def test_twenty_thousand_tasks_are_refused_soon(api: Client, owner: Client) -> None:
    large = crew(tasks=[{"key": f"t{number}", "description": "d"} for number in range(20_000)])
    began = time.thread_time()
    status, error = send(api, "/crews", large)
    assert status == 422
    assert "at most 500 tasks" in error["fields"]["tasks"]
    assert owner.post(f"{CREW}json/", {"spec": json.dumps(large), "revision": 1}).status_code == 422
    assert time.thread_time() - began < 20


@pytest.mark.parametrize(
    "wrong",
    [
        {"max_rpm": "1"},
        {"max_rpm": True},
        {"max_rpm": 1.5},
        {"planning": 1},
        {"cache": "yes"},
        {"tasks": [{"key": "t", "description": "d", "guardrail_max_retries": "3"}]},
        {"agents": [{"key": "a", "role": "r", "llm": {"temperature": "0.5"}}]},
        {"agents": [{"key": "a", "role": "r", "llm": {"temperature": True}}]},
        {"colour": 1},
    ],
    ids=str,
)
def test_values_of_another_type_in_a_crew(api: Client, wrong: dict[str, Any]) -> None:
    assert send(api, "/crews", crew(**wrong))[0] == 422


@pytest.mark.parametrize("body", ["[]", '"x"', "5", "null", "true", '{"budget_usd": true}', '{"other": 1}'])
def test_bodies_of_another_type(rows: Rows, api: Client, body: str) -> None:
    for path in (f"/runs/{rows.books.waiting.pk}/resume", "/crews/company-brief/runs"):
        assert send(api, path, body)[0] == 422, path


@pytest.mark.parametrize("body", [{"version": "1"}, {"max_calls": "5"}, {"max_calls": True}, {"priority": "urgent"}])
def test_values_of_another_type_at_a_launch(api: Client, body: dict[str, Any]) -> None:
    assert send(api, "/crews/company-brief/runs", {"inputs": {"company": "x"}, **body})[0] == 422


def test_a_parameter_given_twice(api: Client) -> None:
    assert api.get(f"{API}/runs?limit=1&limit=2").json()["error"]["fields"] == {"limit": "It is given more than once."}


def test_fixed_sets_of_words_are_declared() -> None:
    from crewsite.api import api as described

    schemas = described.get_openapi_schema()["components"]["schemas"]
    assert schemas["Priority"]["enum"] == ["low", "normal", "high"]
    for name in ("RunState", "TaskStatus", "CallState", "CallKind", "CostClass", "AtLimit", "AlertKind"):
        assert schemas[name]["enum"]


def test_addresses_that_httpx_reads_and_then_does_not(api: Client, owner: Client, rows: Rows) -> None:
    key = rows.pks["provider"]
    for typed in ("%00", "%2F%2Fa", "https://xn--/"):
        fields = {"provider": "openai", "name": "odd", "api_key": "sk-secret", "base_url": typed}
        assert send(api, "/providers", fields)[0] == 422
        assert owner.post("/t/acme/settings/providers/", fields).status_code == 422
        assert owner.post(f"/t/acme/settings/providers/{key}/change/", fields).status_code == 422
        assert send(api, f"/providers/{key}", {"base_url": typed, "api_key": "sk-secret"}, "PATCH")[0] == 422
        hook = {"url": typed, "events": ["budget.threshold"]}
        assert owner.post("/t/acme/settings/webhooks/", hook).status_code == 422
