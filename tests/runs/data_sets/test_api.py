"""Data sets by the API: versions that never change, rows in pages, batches of them, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.db import DatabaseError, transaction
from django.http import Http404

from agents_app.models import Crew
from runs.batches.actions import launch_batch
from runs.batches.kept_inputs import READ_AT_ONCE, newest_version
from runs.batches.order import MAX_ROWS, BatchOrder
from runs.data_sets.actions import add_rows, delete, make_data_set
from runs.data_sets.files import pieces
from runs.data_sets.rows import of_json
from runs.launch.order import LaunchOrder
from runs.models import Batch, DataSet, DataSetRow, DataSetVersion
from runs.schedules.actions import pause, remove
from teams.models import AuditEntry
from teams.refusals import Invalid
from tests.cast import Cast
from tests.runs.schedules.made import hourly
from tests.runs.workers import blocked, in_thread
from tests.teams.api.test_if_match import Api

pytestmark = pytest.mark.django_db


@pytest.fixture
def api(cast: Cast) -> Api:
    return Api(cast)


def rows_of(api: Api, version: int | None = None, **query: Any) -> list[dict[str, str]]:
    asked = query | ({"version": version} if version else {})
    found = api.ask("GET", "/datasets/leads/rows?" + "&".join(f"{name}={value}" for name, value in asked.items()))
    return [row["inputs"] for row in found.json()["items"]]


def test_versions_grow_and_never_change(api: Api, cast: Cast) -> None:
    body = {"name": "leads", "inputs": [{"company": "Acme", "size": 3}, {"company": "Hooli", "size": None}]}
    made = api.ask("POST", "/datasets", body, key="one")
    assert made.status_code == 201, made.content
    first = made.json()
    assert (first["version"], first["rows"], first["columns"], first["archived"]) == (1, 2, ["company", "size"], False)
    assert api.ask("POST", "/datasets", body, key="one").json()["revision"] == 1
    read = api.ask("GET", "/datasets/leads")
    more = {"inputs": [{"town": "Oslo"}]}
    added = api.ask("POST", "/datasets/leads/rows", more, match=read["ETag"]).json()
    assert (added["version"], added["rows"], added["columns"]) == (2, 3, ["company", "size", "town"])
    assert api.ask("POST", "/datasets/leads/rows", more, match=read["ETag"]).status_code == 412
    alone = api.ask("POST", "/datasets/leads/versions", {"inputs": [{"company": "Initech"}]}).json()
    assert (alone["version"], alone["rows"]) == (3, 1)
    last = api.ask("POST", "/datasets/leads/rows", more).json()
    assert (last["version"], last["rows"]) == (4, 2)
    assert rows_of(api, 1) == [{"company": "Acme", "size": "3"}, {"company": "Hooli"}]
    assert rows_of(api, 2) == [*rows_of(api, 1), {"town": "Oslo"}]
    assert rows_of(api, 3) == [{"company": "Initech"}]
    assert rows_of(api) == [{"company": "Initech"}, {"town": "Oslo"}]
    assert rows_of(api, 2, limit=1, cursor=1) == [{"company": "Hooli"}]
    assert DataSetRow.objects.count() == 5  # rows that are added are kept once
    versions = api.ask("GET", "/datasets/leads/versions?limit=3").json()
    assert [one["version"] for one in versions["items"]] == [4, 3, 2]
    assert [one["version"] for one in api.ask("GET", "/datasets/leads/versions?cursor=2").json()["items"]] == [1]
    for change in (lambda: DataSetRow.objects.update(cells={}), lambda: DataSetVersion.objects.update(row_count=1)):
        with pytest.raises(DatabaseError, match="never change"), transaction.atomic():
            change()
    logged = AuditEntry.objects.filter(action__startswith="dataset.").order_by("pk").values_list("action", flat=True)
    assert list(logged) == ["dataset.made", "dataset.extended", "dataset.versioned", "dataset.extended"]


def test_a_batch_is_launched_of_a_version_by_the_names_of_columns(api: Api, crew: Crew) -> None:
    api.ask("POST", "/datasets", {"name": "leads", "inputs": [{"Company": "Acme", "note": "x"}]})
    api.ask("POST", "/datasets/leads/rows", {"inputs": [{"Company": "Hooli"}]})
    path = "/crews/company-brief/batches"
    newest, first = (api.ask("POST", path, {"dataset": named}).json() for named in ("leads", "leads@1"))
    assert [(one["dataset"], one["total"]) for one in (newest, first)] == [("leads@2", 2), ("leads@1", 1)]
    batch = Batch.objects.get(pk=first["id"])
    assert list(batch.rows.values_list("inputs", flat=True)) == [{"company": "Acme"}]
    both = api.ask("POST", path, {"dataset": "leads", "inputs": [{"company": "Acme"}]})
    assert both.json()["error"]["fields"].keys() == {"dataset"}
    for named in ("none", "leads@9", "leads@", "leads@x", "leads@-1", "leads@" + "9" * 40, "a\x00b"):
        assert api.ask("POST", path, {"dataset": named}).json()["error"]["fields"].keys() == {"dataset"}, named
    assert api.ask("POST", path, {}).json()["error"]["fields"].keys() == {"inputs"}
    api.ask("POST", "/datasets/leads/rows", {"inputs": [{"note": "no company"}]})
    assert set(api.ask("POST", path, {"dataset": "leads"}).json()["error"]["fields"]) == {"inputs.2.Company"}
    api.ask("POST", "/datasets", {"name": "towns", "inputs": [{"town": "Oslo", "land": "Norway"}]})
    assert "the crew’s company" in api.ask("POST", path, {"dataset": "towns"}).json()["error"]["fields"]["dataset"]
    api.ask("PATCH", "/datasets/leads", {"archived": True})
    assert api.ask("POST", path, {"dataset": "leads@1"}).status_code == 422


def test_it_is_renamed_archived_and_taken_back(api: Api, cast: Cast) -> None:
    for name in ("leads", "other"):
        api.ask("POST", "/datasets", {"name": name, "inputs": [{"a": "1"}]})
    taken = api.ask("PATCH", "/datasets/leads", {"name": "other"})
    assert taken.json()["error"]["fields"].keys() == {"name"}
    renamed = api.ask("PATCH", "/datasets/leads", {"name": "firms"}, match='"1"')
    assert (renamed.json()["name"], renamed["ETag"]) == ("firms", '"2"')
    assert api.ask("GET", "/datasets/leads").status_code == 404
    assert api.ask("PATCH", "/datasets/firms", {"archived": True}).json()["archived"]
    assert [one["name"] for one in api.ask("GET", "/datasets").json()["items"]] == ["other"]
    assert [one["name"] for one in api.ask("GET", "/datasets?archived=true").json()["items"]] == ["firms"]
    assert api.ask("POST", "/datasets/firms/rows", {"inputs": [{"a": "1"}]}).status_code == 409
    assert api.ask("POST", "/datasets", {"name": "firms", "inputs": [{"a": "1"}]}).status_code == 422
    assert not api.ask("PATCH", "/datasets/firms", {"archived": False}).json()["archived"]
    page = api.ask("GET", "/datasets?limit=1").json()
    assert [one["name"] for one in api.ask("GET", f"/datasets?cursor={page['next']}").json()["items"]] == ["firms"]


def test_its_columns_and_what_rows_would_change_are_told(api: Api, cast: Cast) -> None:
    make_data_set(cast.runner, "leads", of_json([{"a": "1.5", "b": ""}, {"a": "-2"}, {"a": "1.5", "b": "x y"}]))
    told = api.ask("GET", "/datasets/leads/columns").json()
    assert (told["version"], told["rows"], told["looked_at"]) == (1, 3, 3)
    one, other = told["items"]
    assert one == {"name": "a", "kind": "numbers", "filled": 3, "empty": 0, "different": 2, "longest": 3}
    assert other == {"name": "b", "kind": "texts", "filled": 1, "empty": 2, "different": 1, "longest": 3}
    assert api.ask("GET", "/datasets/leads/columns?version=2").status_code == 404
    asked = api.ask("POST", "/datasets/leads/preview", {"inputs": [{"a": "-2"}, {"a": "7", "c": "1"}]})
    assert asked.status_code == 200, asked.content
    said = asked.json()
    same = {"repeated": 1, "columns_added": ["c"], "columns_removed": [], "refused": None}
    assert said["behind"] == same | {"same": 3, "added": 2, "removed": 0}
    assert said["alone"] == same | {"same": 1, "added": 1, "removed": 2, "repeated": 0, "columns_removed": ["b"]}
    assert (said["rows"], said["columns"][0]["kind"]) == (2, "whole numbers")
    assert DataSetVersion.objects.count() == 1
    many = {"inputs": [{"a": "1"}] * (MAX_ROWS - 2)}
    assert "at most 10,000 rows" in api.ask("POST", "/datasets/leads/preview", many).json()["behind"]["refused"]


def test_a_set_is_deleted_and_its_batches_keep_their_rows(api: Api, cast: Cast, crew: Crew) -> None:
    kept = make_data_set(cast.runner, "leads", of_json([{"company": "Acme"}]))
    add_rows(cast.runner, kept, of_json([{"company": "Hooli"}]))
    other = make_data_set(cast.runner, "other", of_json([{"company": "Acme"}]))
    path = "/crews/company-brief/batches"
    newest, first, theirs = (
        api.ask("POST", path, {"dataset": of}).json()["id"] for of in ("leads", "leads@1", "other")
    )
    fixed = hourly(cast.runner, crew, name="Fixed", data_set=kept, data_set_version=kept.versions.get(number=1))
    newest_of = hourly(cast.runner, crew, name="Newest", data_set=kept)
    pause(cast.runner, newest_of)
    refused = api.ask("DELETE", "/datasets/leads")
    assert refused.status_code == 409
    assert "2 schedules use it: “Fixed”, “Newest”." in refused.json()["error"]["message"]
    for schedule in (fixed, newest_of):
        remove(cast.runner, schedule)
    read = api.ask("GET", "/datasets/leads")
    add_rows(cast.runner, kept, of_json([{"company": "Initech"}]))
    assert api.ask("DELETE", "/datasets/leads", match=read["ETag"]).status_code == 412
    assert api.ask("DELETE", "/datasets/leads", match='"3"').status_code == 204
    assert api.ask("DELETE", "/datasets/leads").status_code == 404
    assert list(DataSet.objects.all()) == [other]
    assert (DataSetVersion.objects.count(), DataSetRow.objects.count()) == (1, 1)
    said = [api.ask("GET", f"/batches/{one}").json() for one in (newest, first, theirs)]
    assert [(one["dataset"], one["dataset_was"]) for one in said] == [
        (None, "leads@2"),
        (None, "leads@1"),
        ("other@1", None),
    ]
    assert list(Batch.objects.get(pk=newest).rows.order_by("position").values_list("inputs", flat=True)) == [
        {"company": "Acme"},
        {"company": "Hooli"},
    ]
    entry = AuditEntry.objects.get(action="dataset.deleted")
    assert (entry.object, entry.detail) == ("leads", {"versions": 3, "batches": 2})


def test_of_a_set_that_is_gone_nothing_is_made(cast: Cast, crew: Crew) -> None:
    kept = make_data_set(cast.runner, "leads", of_json([{"company": "Acme"}]))
    delete(cast.runner, DataSet.objects.get(pk=kept.pk))
    again = make_data_set(cast.runner, "leads", of_json([{"company": "New"}]))
    for act in (lambda: delete(cast.runner, kept), lambda: add_rows(cast.runner, kept, of_json([{"a": "1"}]))):
        with pytest.raises(Http404):
            act()
    with pytest.raises(PermissionDenied):
        delete(cast.viewer, again)
    with pytest.raises(Invalid) as gone:
        hourly(cast.runner, crew, data_set=kept)
    assert "deleted" in gone.value.fields["dataset"]
    assert gone.value.message == "The schedule was not saved."


def test_no_part_of_a_set_that_is_deleted_meanwhile_is_taken_for_all_of_it(cast: Cast) -> None:
    found = make_data_set(cast.owner, "leads", of_json([{"a": str(at)} for at in range(READ_AT_ONCE + 1)]))
    read = pieces(newest_version(found))
    assert next(read)[0].cells == {"a": "0"}
    delete(cast.runner, found)
    with pytest.raises(Http404):  # which breaks the file off
        list(read)


@pytest.mark.django_db(transaction=True)
def test_a_set_that_is_just_being_launched_of_is_deleted_after_it(cast: Cast, crew: Crew) -> None:
    kept = make_data_set(cast.runner, "leads", of_json([{"company": "Acme"}]))
    order = BatchOrder([{"company": "Acme"}], LaunchOrder(simulated=True), data_set_version=kept.versions.get())
    with transaction.atomic():
        batch = launch_batch(cast.runner, crew, order)
        deleting = in_thread(lambda: delete(cast.runner, kept))
        blocked()
    deleting.join(timeout=60)
    batch.refresh_from_db()
    assert (batch.data_set_version, batch.data_set_was, DataSet.objects.count()) == (None, "leads@1", 0)
    with pytest.raises(Invalid, match="nothing was spent"):
        launch_batch(cast.runner, crew, order)


def test_what_no_set_can_hold_is_refused_and_nothing_is_kept(api: Api, cast: Cast) -> None:
    for name in ("", "Leads", "a b", "a_b", "-a", "a@1", "new", "a" * 61):
        refused = api.ask("POST", "/datasets", {"name": name, "inputs": [{"a": "1"}]})
        assert refused.json()["error"]["fields"].keys() == {"name"}, name
    for inputs in ([], [{"a": "1"}] * (MAX_ROWS + 1), [{f"c{at}": "1" for at in range(201)}]):
        refused = api.ask("POST", "/datasets", {"name": "a", "inputs": inputs})
        assert refused.json()["error"]["fields"].keys() == {"inputs"}
    wrong = api.ask("POST", "/datasets", {"name": "a", "inputs": [{"a": "1"}, {"a": "1", "b" * 101: "1"}]})
    assert set(wrong.json()["error"]["fields"]) == {"inputs.1." + "b" * 100}
    assert not DataSet.objects.exists()
    api.ask("POST", "/datasets", {"name": "a", "inputs": [{"a": "1"}] * (MAX_ROWS - 1)})
    assert api.ask("POST", "/datasets/a/rows", {"inputs": [{"a": "1"}]}).status_code == 201
    assert api.ask("POST", "/datasets/a/rows", {"inputs": [{"a": "1"}]}).status_code == 422


def test_another_team_finds_nothing_and_a_reader_changes_nothing(api: Api, cast: Cast) -> None:
    make_data_set(cast.stranger, "theirs", of_json([{"a": "1"}]))
    for path in ("", "/rows", "/versions"):
        assert api.ask("GET", f"/datasets/theirs{path}").status_code == 404
    assert api.ask("PATCH", "/datasets/theirs", {"archived": True}).status_code == 404
    with pytest.raises(PermissionDenied, match="needs the role"):
        make_data_set(cast.viewer, "mine", of_json([{"a": "1"}]))
