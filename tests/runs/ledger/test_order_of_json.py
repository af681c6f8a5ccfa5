"""JSON keeps the order of its keys and all digits of its numbers: in storage, API, pages, exports and requests."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse

from agents_app.actions import create_crew, cut_version
from agents_app.models import CrewVersion
from agents_app.snapshot import spec_of
from engine.spec.crew_spec import CrewSpec
from runs.models import Call, Run, TaskRun
from runs.worker.process import WorkerProcess
from teams.models import IdempotentAnswer, KeptJSON
from tests.cast import Cast
from tests.ledger import make_run
from tests.openai_server import OpenAIServer
from tests.runs.run.test_api import Api
from tests.runs.workers import execute, use_provider

LONG = 123456789012345678901234567890
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"reasoning": {"type": "string"}, "answer": {"type": "integer"}, "a": {"type": "integer"}},
    "required": ["reasoning", "answer"],
}
ANSWER = f'{{"reasoning":"why","answer":{LONG},"a":1}}'
SPEC: dict[str, Any] = {
    "name": "Ordered",
    "agents": [
        {
            "key": "writer",
            "role": "Writer",
            "tools": [{"name": "mcp", "config": {"tools": ["look_up"], "url": "https://tools.example"}}],
        }
    ],
    "tasks": [
        {
            "key": "a",
            "description": "About {zebra} and {ant}",
            "agent": "writer",
            "output_schema": SCHEMA,
            "guardrails": [{"kind": "schema", "json_schema": SCHEMA}],
        }
    ],
    "inputs": {"zebra": "z", "ant": "a"},
}


def in_order(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


@pytest.mark.django_db
def test_every_column_keeps_what_was_written(cast: Cast) -> None:
    spec = CrewSpec.from_json(SPEC)
    crew = create_crew(cast.owner, name="Ordered", spec=spec)
    crew.refresh_from_db()
    assert in_order(spec_of(crew).to_json()) == in_order(spec.to_json())
    version = cut_version(crew, by=None)
    assert in_order(CrewVersion.objects.get(pk=version.pk).spec) == in_order(spec.to_json())
    assert CrewVersion.objects.values_list("spec", flat=True).get() == spec.to_json()
    labels = {"zoo": LONG, "a": [1, {"z": 1, "b": None}]}
    run = make_run(cast.owner, crew, inputs={"zebra": "1", "ant": "2"}, metadata=labels, output_json=json.loads(ANSWER))
    found = Run.objects.get(pk=run.pk)
    assert in_order([found.inputs, found.metadata, found.output_json]) == in_order(
        [run.inputs, labels, json.loads(ANSWER)]
    )
    rows = [
        TaskRun(run=run, key=key, position=place, name=key, output_json=value)
        for place, (key, value) in enumerate({"list": [1], "text": "x", "none": None, "flag": False}.items())
    ]
    TaskRun.objects.bulk_create(rows)
    kept = dict(TaskRun.objects.filter(run=run).values_list("key", "output_json"))
    assert kept == {"list": [1], "text": "x", "none": None, "flag": False}
    assert TaskRun.objects.filter(run=run, output_json__isnull=True).count() == 1


@pytest.mark.django_db
def test_labels_are_found_by_the_index(cast: Cast, crew: Any) -> None:
    run = make_run(cast.owner, crew, metadata={"z": 1, "customer": "acme", 'odd"': {"b": 1, "a": 2}})
    make_run(cast.owner, crew, metadata={"customer": "zen"})
    runs = Run.objects.order_by()
    for labels in ({"customer": "acme"}, {"z": 1}, {'odd"': {"a": 2}}):
        assert list(runs.filter(metadata__contains=labels)) == [run]
    assert runs.filter(metadata__has_key="customer").count() == 2
    assert list(runs.filter(metadata__has_key="z")) == [run]
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
    assert "run_metadata" in runs.filter(metadata__contains={"customer": "acme"}).explain()


@pytest.mark.django_db
def test_no_column_of_jsonb_holds_what_people_or_models_wrote() -> None:
    """Of our own tables; those of allauth hold what it needs to sign people in."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT table_name || '.' || column_name FROM information_schema.columns "
            "WHERE table_schema = 'public' AND data_type = 'jsonb' AND table_name ~ '^(teams|agents_app|runs)_'"
        )
        assert {name for (name,) in cursor.fetchall()} == {"runs_invariantcheck.violations"}


@pytest.mark.django_db
def test_a_version_stays_frozen(cast: Cast, crew: Any) -> None:
    version = cut_version(crew, by=None)
    version.note = "The note may change."
    version.save()
    version.spec = {**version.spec, "name": "Another"}
    with pytest.raises(Exception, match="is frozen"):
        version.save()


@pytest.mark.django_db
def test_the_api_answers_in_the_order_that_it_was_given(cast: Cast) -> None:
    api = Api(cast.owner)
    made = api.post("/crews", SPEC, key="once")
    assert made.status_code == 201
    again = api.post("/crews", SPEC, key="once")
    read = api.get("/crews/ordered")
    wanted = in_order(SPEC["tasks"][0]["output_schema"])
    for answer in (made, again, read):
        assert in_order(answer.json()["spec"]["tasks"][0]["output_schema"]) == wanted
        assert list(answer.json()["inputs"]) == ["zebra", "ant"]
    assert made.content == again.content
    assert IdempotentAnswer.objects.count() == 1


@pytest.mark.django_db
def test_a_draft_whose_schema_was_put_in_another_order_is_a_version_of_its_own(cast: Cast) -> None:
    api = Api(cast.owner)
    api.post("/crews", SPEC)
    first = api.post("/crews/ordered/versions", {"note": ""}).json()["number"]
    turned = json.loads(json.dumps(SPEC))
    schema = turned["tasks"][0]["output_schema"]
    schema["properties"] = dict(reversed(schema["properties"].items()))
    api.put("/crews/ordered", turned)
    assert api.post("/crews/ordered/versions", {"note": ""}).json()["number"] == first + 1
    (change,) = api.get("/crews/ordered/versions/1/diff/2").json()["changes"]
    assert change["path"] == "tasks.a.output_schema"


@pytest.mark.django_db(transaction=True)
def test_a_run_asks_and_keeps_in_order(cast: Cast, worker: WorkerProcess) -> None:
    api = Api(cast.owner)
    spec = json.loads(json.dumps(SPEC))
    spec["agents"][0].pop("tools")
    with OpenAIServer(ANSWER) as provider:
        use_provider(cast.owner, provider)
        api.post("/crews", spec)
        launched = api.post("/crews/ordered/runs", {"metadata": {"z": LONG, "a": 1}}).json()
        run = execute(Run.objects.get(pk=launched["id"]), worker)
        asked = provider.billed[-1].body
    assert run.state == "succeeded"
    assert in_order(asked["response_format"]["json_schema"]["schema"]) == in_order(SCHEMA)
    call = Call.objects.get(run=run)
    assert in_order(call.params["response_schema"]) == in_order(SCHEMA)
    assert run.tasks.get().output_raw == ANSWER
    answer = api.get(f"/runs/{run.pk}")
    assert in_order(answer.json()["output"]["json"]) == in_order(json.loads(ANSWER))
    assert str(LONG) in answer.content.decode()
    assert list(answer.json()["inputs"]) == ["zebra", "ant"]
    assert list(answer.json()["metadata"]) == ["z", "a"]
    client = Client()
    client.force_login(cast.owner.user)
    page = client.get(reverse("run_task", kwargs={"team": "acme", "run_id": run.pk, "key": "a"})).content.decode()
    assert re.search(rf"reasoning.*answer.*{LONG}", page, re.DOTALL)


def test_the_field_says_what_it_is() -> None:
    _name, path, args, kwargs = KeptJSON(default=dict).deconstruct()
    assert (path, args, kwargs) == ("teams.models.kept_json.KeptJSON", [], {"default": dict})
