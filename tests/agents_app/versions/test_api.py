"""Versions by the API: the same figures and verbs as the pages, each fault at its field."""

from __future__ import annotations

import pytest

from agents_app.actions import create_crew, cut_version, replace_spec
from agents_app.models import Crew
from agents_app.snapshot import spec_of
from agents_app.versions.page import shown_diff
from teams.models import Scope
from tests.cast import Cast, maker_of
from tests.runs.run.test_api import Api

pytestmark = pytest.mark.django_db

VERSIONS = "/crews/company-brief/versions"


@pytest.fixture
def api(cast: Cast) -> Api:
    return Api(cast.owner)


@pytest.fixture
def two(cast: Cast, crew: Crew) -> Crew:
    cut_version(crew, by=cast.owner.user, note="As it came")
    spec = spec_of(crew).model_copy(update={"description": "Of any company"})
    crew = replace_spec(maker_of(crew), crew, expected_revision=crew.revision, spec=spec)
    cut_version(crew, by=cast.editor.user)
    return crew


def test_versions_come_newest_first_in_pages(api: Api, cast: Cast, two: Crew) -> None:
    first = api.get(VERSIONS, limit=1).json()
    assert [(item["number"], item["created_by"]) for item in first["items"]] == [(2, str(cast.editor.user))]
    second = api.get(VERSIONS, limit=1, cursor=first["next"]).json()
    assert [(item["number"], item["note"]) for item in second["items"]] == [(1, "As it came")]
    assert second["next"] is None
    assert api.get(f"{VERSIONS}/1").json() == second["items"][0]
    for cursor in ("x", "-1", "9" * 30):
        refused = api.get(VERSIONS, cursor=cursor)
        assert (refused.status_code, set(refused.json()["error"]["fields"])) == (422, {"cursor"})


def test_a_page_of_large_versions_ends_early(api: Api, cast: Cast, crew: Crew) -> None:
    for number in range(5):
        tasks = [task.model_copy(update={"description": f"{number}" * 99_000}) for task in spec_of(crew).tasks]
        agents = [
            agent.model_copy(update={"goal": "g" * 99_000, "backstory": "b" * 99_000}) for agent in spec_of(crew).agents
        ]
        changed = spec_of(crew).model_copy(update={"tasks": tuple(tasks), "agents": tuple(agents)})
        crew = replace_spec(maker_of(crew), crew, expected_revision=crew.revision, spec=changed)
        cut_version(crew, by=cast.owner.user)
    first = api.get(VERSIONS).json()
    second = api.get(VERSIONS, cursor=first["next"]).json()
    numbers = [[item["number"] for item in page["items"]] for page in (first, second)]
    assert numbers[0] + numbers[1] == [5, 4, 3, 2, 1]
    assert numbers[1]


def test_a_diff_has_what_the_page_shows(api: Api, two: Crew) -> None:
    diff = api.get(f"{VERSIONS}/1/diff/2").json()
    assert diff == {
        "old": 1,
        "new": 2,
        "changes": [
            {
                "path": "description",
                "label": "Crew · description",
                "old": None,
                "new": "Of any company",
                "words": [{"kind": "added", "text": "Of any company"}],
                "note": "",
            }
        ],
        "same_fields": shown_diff(*(two.versions.get(number=number).spec for number in (1, 2))).same,
    }
    assert api.get(f"{VERSIONS}/2/diff/2").json()["changes"] == []
    assert api.get(f"{VERSIONS}/2/diff/9").status_code == 404


def test_a_draft_is_saved_once_under_one_key(api: Api, crew: Crew) -> None:
    answers = [api.post(VERSIONS, {"note": "Why"}, key="one") for _ in range(2)]
    assert [(answer.status_code, answer.json()["number"], answer.json()["note"]) for answer in answers] == [
        (201, 1, "Why")
    ] * 2
    assert crew.versions.count() == 1


def test_faults_are_told_at_their_fields(api: Api, cast: Cast, two: Crew) -> None:
    create_crew(cast.owner, name="Empty")
    refused = api.post("/crews/empty/versions", {})
    assert (refused.status_code, refused.json()["error"]["code"]) == (422, "invalid_crew")
    refused = api.put(f"{VERSIONS}/1/note", {"note": "x" * 201})
    assert (refused.status_code, set(refused.json()["error"]["fields"])) == (422, {"note"})
    assert api.put(f"{VERSIONS}/1/note", {"note": "x", "number": 3}).status_code == 422
    assert api.put(f"{VERSIONS}/9/note", {"note": "x"}).status_code == 404


def test_a_message_is_changed(api: Api, two: Crew) -> None:
    assert api.put(f"{VERSIONS}/1/note", {"note": "Other"}).json()["note"] == "Other"


def test_a_version_is_restored_and_says_where_the_draft_went(api: Api, two: Crew) -> None:
    restored = api.post(f"{VERSIONS}/1/restore").json()
    assert (restored["kept_version"], restored["kept_crew"]) == (None, None)
    assert restored["crew"]["spec"] == api.get(f"{VERSIONS}/1").json()["spec"]
    crew = Crew.objects.get(pk=two.pk)
    replace_spec(
        maker_of(crew), crew, expected_revision=crew.revision, spec=spec_of(crew).model_copy(update={"agents": ()})
    )
    restored = api.post(f"{VERSIONS}/2/restore").json()
    assert (restored["kept_version"], restored["kept_crew"]) == (None, "company-brief-copy")
    assert api.get("/crews/company-brief-copy").json()["spec"]["tasks"]


def test_who_may_only_read_changes_nothing(cast: Cast, two: Crew) -> None:
    reader = Api(cast.owner, scope=Scope.READ)
    assert reader.get(f"{VERSIONS}/1/diff/2").status_code == 200
    assert [reader.post(path, {}).status_code for path in (VERSIONS, f"{VERSIONS}/1/restore")] == [403, 403]
    assert reader.put(f"{VERSIONS}/1/note", {"note": "x"}).status_code == 403
    assert Api(cast.stranger).get(f"{VERSIONS}/1/diff/2").status_code == 404
