"""Two at once by the API: who names the revision that they read is refused once it is another one, and told so."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client

from agents_app.actions import cut_version, replace_spec
from agents_app.models import Crew, CrewVersion
from agents_app.snapshot import spec_of
from crewsite.api import api as whole_api
from runs.comments.actions import comment
from runs.models import Comment, Run
from runs.states import RunState
from runs.telling.subjects import about_run
from teams.actions import add_provider, issue_token
from teams.models import ProviderKey, Scope
from teams.secrets import unseal
from tests.cast import Cast, maker_of
from tests.ledger import make_run

pytestmark = pytest.mark.django_db

NOTHING_TO_MATCH = {
    "import_crew": "makes a new crew",
    "post_crew": "makes a new crew",
    "post_document": "makes a new document",
    "remove_document": "a document never changes",
    "create_provider": "makes a new key",
    "replay_delivery": "sends again what never changes",
    "create_program": "makes a new program",
    "create_program_token": "makes a new token",
    "delete_provider": "a key never changes",
    "test_provider": "changes nothing that anybody set",
    "patch_team": "says what the name shall be, whatever it was",
    "put_member_role": "says what the role shall be, whatever it was",
    "hand_over_team": "says who shall own the team, whoever did",
    "remove_member": "ends a membership, which has no revision",
    "create_invitation": "makes a new invitation",
    "delete_invitation": "withdraws an invitation, which never changes",
    "create_price": "takes the place of the price before, which is kept",
    "delete_price": "ends one price, which never changes",
    "add_comment": "makes a new comment",
    "add_crew_comment": "makes a new comment",
    "add_version_comment": "makes a new comment",
    "add_bill_comment": "makes a new comment",
    "read_inbox": "puts away what is new, whatever that is",
    "read_entry": "an entry is read once and for all",
    "put_inbox_choice": "says what is chosen, whatever was",
    "close_bill": "closes a month once and for all",
    "book_unpriced_calls": "books calls that had no price, each once",
    "create_scenario": "makes a new scenario",
    "answer_scenario": "changes nothing",
    "measure_tokenizers": "changes nothing",
    "estimate_batch": "launches nothing",
    "rename_scenario": "says what the name shall be, whatever it was",
    "delete_scenario": "what a scenario asks never changes",
    "post_reconciliation": "makes a new check",
    "put_their_keys": "says whose each key is, whatever was said before",
    "delete_reconciliation": "a check never changes",
    "post_agent": "makes a new agent of the library",
    "take_in_template": "makes a new crew and its template",
    "copy_template": "makes a new crew",
    "copy_crew": "makes a new crew",
    "rerun": "makes a new run",
    "start_job": "makes a new run",
    "check_again": "makes a new check",
    "create_view": "makes a new view, or says that it takes the place of one",
    "patch_view": "says what the name shall be, whatever it was",
    "delete_view": "takes a view away, whatever it shows",
    "put_report_choice": "says what is chosen, whatever was",
    "put_kept_texts": "says how long, whatever was said before",
    "dismiss_alert": "an alert is put away once and for all",
    "delete_token": "a token never changes",
    "create_webhook": "makes a new webhook",
    "patch_webhook": "says whether it is on, whatever it was",
    "delete_webhook": "a webhook has no revision",
    "test_webhook": "changes nothing that anybody set",
    "create_data_set": "makes a new data set",
    "preview_data_set": "changes nothing",
    "create_schedule": "makes a new schedule",
}


class Api:
    def __init__(self, cast: Cast) -> None:
        self.token, secret = issue_token(cast.owner, scope=Scope.ADMIN)
        self._client = Client(headers={"Authorization": f"Bearer {secret}"})

    def ask(self, method: str, path: str, body: Any = None, *, match: str | None = None, key: str = "") -> Any:
        headers = {"If-Match": match} if match is not None else {}
        headers |= {"Idempotency-Key": key} if key else {}
        data = "" if body is None else json.dumps(body)
        return self._client.generic(method, f"/api/v1{path}", data, content_type="application/json", headers=headers)


@pytest.fixture
def api(cast: Cast) -> Api:
    return Api(cast)


def edit(crew: Crew) -> Crew:
    """As somebody else does, meanwhile."""
    crew = Crew.objects.get(pk=crew.pk)
    changed = spec_of(crew).model_copy(update={"description": f"Edit {crew.revision}"})
    return replace_spec(maker_of(crew), crew, expected_revision=crew.revision, spec=changed)


def refused(answer: Any) -> bool:
    if answer.status_code != 412:
        return False
    error = answer.json()["error"]
    assert (error["code"], error["fields"]) == ("changed", {})
    assert "Nothing was done" in error["message"]
    return True


def test_the_second_writer_of_a_crew_is_refused(api: Api, crew: Crew) -> None:
    path = f"/crews/{crew.slug}"
    read = api.ask("GET", path)
    etag, spec = read["ETag"], read.json()["spec"]
    assert etag == f'"{read.json()["revision"]}"' == f'"{crew.revision}"'
    first = api.ask("PUT", path, spec | {"description": "Mine"}, match=etag)
    assert (first.status_code, first["ETag"]) == (200, f'"{crew.revision + 1}"')
    assert refused(api.ask("PUT", path, spec | {"description": "Theirs"}, match=etag))
    assert Crew.objects.get(pk=crew.pk).description == "Mine"
    again = api.ask("PUT", path, spec | {"description": "Theirs"}, match=first["ETag"])
    assert (again.status_code, again.json()["revision"]) == (200, crew.revision + 2)


def test_who_names_no_revision_writes_over_whatever_is_there(api: Api, crew: Crew) -> None:
    spec = api.ask("GET", f"/crews/{crew.slug}").json()["spec"]
    edit(crew)
    assert api.ask("PUT", f"/crews/{crew.slug}", spec).status_code == 200
    assert api.ask("PUT", f"/crews/{crew.slug}", spec, match="*").status_code == 200


@pytest.mark.parametrize("match", ['"999"', 'W/"1"', "", '"x", "y"', "nonsense"])
def test_a_tag_of_nothing_that_is_there_is_refused(api: Api, crew: Crew, match: str) -> None:
    spec = api.ask("GET", f"/crews/{crew.slug}").json()["spec"]
    assert refused(api.ask("PUT", f"/crews/{crew.slug}", spec, match=match))


def test_one_of_several_tags_is_enough(api: Api, crew: Crew) -> None:
    spec = api.ask("GET", f"/crews/{crew.slug}").json()["spec"]
    assert api.ask("PUT", f"/crews/{crew.slug}", spec, match=f'"999", "{crew.revision}"').status_code == 200


def test_what_is_done_with_a_draft_is_done_with_the_one_that_was_read(api: Api, crew: Crew, cast: Cast) -> None:
    cut_version(crew, by=cast.owner.user)
    path, stale = f"/crews/{crew.slug}", f'"{crew.revision}"'
    current = f'"{edit(crew).revision}"'
    launch = {"inputs": {"company": "Acme"}}
    assert refused(api.ask("POST", f"{path}/versions", {"note": ""}, match=stale))
    assert refused(api.ask("POST", f"{path}/versions/1/restore", match=stale))
    assert refused(api.ask("POST", f"{path}/runs", launch, match=stale))
    assert refused(api.ask("DELETE", path, match=stale))
    assert (CrewVersion.objects.count(), Run.objects.count()) == (1, 0)
    assert Crew.objects.get(pk=crew.pk).archived_at is None
    assert api.ask("POST", f"{path}/runs", launch | {"version": 1}, match=stale).status_code == 202
    assert api.ask("POST", f"{path}/runs", launch, match=current).status_code == 202
    assert api.ask("POST", f"{path}/versions", {"note": "x"}, match=current).status_code == 201
    assert api.ask("POST", f"{path}/versions/1/restore", match=current).status_code == 200
    assert api.ask("DELETE", path, match=f'"{Crew.objects.get(pk=crew.pk).revision}"').status_code == 204


def test_a_repeated_launch_is_answered_though_the_draft_has_changed(api: Api, crew: Crew) -> None:
    path, launch, read = f"/crews/{crew.slug}/runs", {"inputs": {"company": "Acme"}}, f'"{crew.revision}"'
    first = api.ask("POST", path, launch, match=read, key="one")
    edit(crew)
    assert api.ask("POST", path, launch, match=read, key="one").json()["id"] == first.json()["id"]


def test_the_second_note_of_a_version_is_refused(api: Api, crew: Crew, cast: Cast) -> None:
    cut_version(crew, by=cast.owner.user)
    path = f"/crews/{crew.slug}/versions/1"
    read = api.ask("GET", path)["ETag"]
    assert api.ask("PUT", f"{path}/note", {"note": "Mine"}, match=read).status_code == 200
    assert refused(api.ask("PUT", f"{path}/note", {"note": "Theirs"}, match=read))
    assert api.ask("PUT", f"{path}/note", {"note": "x"}, match=api.ask("GET", path)["ETag"]).status_code == 200


def limits(api: Api, **changes: Any) -> dict[str, Any]:
    found = api.ask("GET", "/limits").json()
    names = "budget_usd run_budget_usd run_max_calls run_max_seconds runs_at_once user_budget_usd at_limit"
    names += " fallback_model launch_quota launch_window_s"
    return {name: found[name] for name in names.split()} | {"members": {}} | changes


def test_the_second_writer_of_the_limits_is_refused(api: Api) -> None:
    read = api.ask("GET", "/limits")
    assert read["ETag"] == f'"{read.json()["revision"]}"'
    first = api.ask("PUT", "/limits", limits(api, budget_usd="10"), match=read["ETag"])
    assert (first.status_code, first["ETag"] != read["ETag"]) == (200, True)
    assert refused(api.ask("PUT", "/limits", limits(api, budget_usd="99"), match=read["ETag"]))
    assert api.ask("GET", "/limits").json()["budget_usd"] == "10"
    assert api.ask("PUT", "/limits", limits(api, budget_usd="99"), match=first["ETag"]).status_code == 200


@pytest.mark.parametrize(
    ("method", "verb", "state", "body"),
    [
        ("POST", "cancel", RunState.QUEUED, None),
        ("PUT", "baseline", RunState.SUCCEEDED, None),
        ("DELETE", "baseline", RunState.SUCCEEDED, None),
        ("POST", "resume", RunState.QUEUED, {"budget_usd": "5"}),
        ("POST", "approve", RunState.WAITING, {"task": "brief", "approved": True}),
    ],
)
def test_a_run_that_went_on_meanwhile_is_left_alone(
    api: Api, crew: Crew, cast: Cast, method: str, verb: str, state: RunState, body: Any
) -> None:
    run = make_run(cast.owner, crew, state=state, waiting_for="person" if state == RunState.WAITING else "")
    read = api.ask("GET", f"/runs/{run.pk}")
    assert read["ETag"] == f'"{run.revision}"'
    Run.objects.filter(pk=run.pk).update(revision=run.revision + 1)
    assert refused(api.ask(method, f"/runs/{run.pk}/{verb}", body, match=read["ETag"]))
    now = api.ask(method, f"/runs/{run.pk}/{verb}", body, match=f'"{run.revision + 1}"')
    assert now.status_code == (409 if verb == "approve" else 200)  # nothing waits there: another refusal, its own


def test_a_comment_that_was_edited_meanwhile_is_left_alone(api: Api, crew: Crew, cast: Cast) -> None:
    written = comment(cast.owner, about_run(make_run(cast.owner, crew)), "First")
    (read,) = api.ask("GET", f"/runs/{written.run_id}/comments").json()["items"]
    path = "/comments"
    assert api.ask("PUT", f"{path}/{written.pk}", {"text": "Mine"}, match=f'"{read["revision"]}"').status_code == 200
    assert refused(api.ask("PUT", f"{path}/{written.pk}", {"text": "Theirs"}, match=f'"{read["revision"]}"'))
    assert refused(api.ask("DELETE", f"{path}/{written.pk}", match=f'"{read["revision"]}"'))
    assert Comment.objects.get(pk=written.pk).text == "Mine"


def test_a_rating_that_was_changed_meanwhile_is_left_alone(api: Api, crew: Crew, cast: Cast) -> None:
    path = f"/runs/{make_run(cast.owner, crew).pk}/rating"
    read = api.ask("GET", path)["ETag"]
    first = api.ask("POST", path, {"stars": 4}, match=read)
    assert (first.status_code, f'"{first.json()["revision"]}"') == (200, api.ask("GET", path)["ETag"])
    assert refused(api.ask("POST", path, {"stars": 1}, match=read))
    assert refused(api.ask("DELETE", path, match=read))
    assert api.ask("GET", path).json()["rating"]["mean"] == 4


def test_the_second_writer_of_a_provider_key_is_refused(api: Api, cast: Cast) -> None:
    path = f"/providers/{add_provider(cast.owner, provider='openai', api_key='sk-one').pk}"
    read = api.ask("GET", path)
    assert read["ETag"] == f'"{read.json()["revision"]}"'
    first = api.ask("PATCH", path, {"api_key": "sk-two"}, match=read["ETag"])
    assert (first.status_code, first["ETag"] != read["ETag"]) == (200, True)
    assert refused(api.ask("PATCH", path, {"api_key": "sk-three"}, match=read["ETag"]))
    assert unseal(ProviderKey.objects.get().secret) == "sk-two"
    assert api.ask("PATCH", path, {"rpm": 5}, match=first["ETag"]).json()["rpm"] == 5


def test_every_write_heeds_the_header_or_has_nothing_to_match() -> None:
    heeds, writes = set(), set()
    for item in whole_api.get_openapi_schema()["paths"].values():
        for method, operation in item.items():
            if method == "get":
                continue
            writes.add(operation["operationId"])
            if any(parameter["name"] == "If-Match" for parameter in operation.get("parameters", ())):
                assert 412 in operation["responses"]
                heeds.add(operation["operationId"])
    assert writes - heeds == set(NOTHING_TO_MATCH)
