"""The library of agents by the API: the verbs of the pages, typed refusals, If-Match, pages, and another team's."""

from __future__ import annotations

from typing import Any

import pytest

from agents_app.actions import create_crew
from agents_app.models import Crew, LibraryAgent
from agents_app.snapshot import spec_of
from engine.spec.crew_spec import AgentSpec
from tests.cast import Cast
from tests.teams.api.test_if_match import Api, refused

pytestmark = pytest.mark.django_db

SPEC = {"key": "writer", "role": "Writer", "goal": "Write about {topic}", "llm": {"model": "gpt-4o"}}
LIBRARY = "/crews/company-brief/library"


@pytest.fixture
def api(cast: Cast) -> Api:
    return Api(cast)


def made(api: Api, name: str = "Writer", **changes: Any) -> dict[str, Any]:
    answer = api.ask("POST", "/agents", {"name": name, "spec": SPEC | changes, "note": "Ours"})
    assert answer.status_code == 201, answer.json()
    found: dict[str, Any] = answer.json()
    return found


def code(answer: Any) -> tuple[int, str, set[str]]:
    error = answer.json()["error"]
    return answer.status_code, error["code"], set(error["fields"])


def test_agents_are_made_read_changed_listed_and_withdrawn(api: Api) -> None:
    first = made(api)
    assert (first["name"], first["version"], first["revision"], first["crews"]) == ("Writer", 1, 1, 0)
    assert first["spec"] == SPEC
    assert code(api.ask("POST", "/agents", {"name": "WRITER", "spec": SPEC})) == (422, "name_taken", {"name"})
    assert code(api.ask("POST", "/agents", {"name": "x", "spec": SPEC | {"nose": 1}}))[::2] == (422, {"spec.nose"})
    same = {"name": "Repeated", "spec": SPEC}
    assert len({api.ask("POST", "/agents", same, key="k").json()["id"] for _ in "ab"}) == 1
    path = f"/agents/{first['id']}"
    read = api.ask("GET", path)
    assert (read["ETag"], read.json()) == ('"1"', first)
    change = {"name": "Writer", "spec": SPEC | {"goal": "Write more"}, "note": "More"}
    done = api.ask("PUT", path, change, match=read["ETag"])
    assert (done.status_code, done["ETag"], done.json()["version"]) == (200, '"2"', 2)
    assert refused(api.ask("PUT", path, change, match=read["ETag"]))
    assert refused(api.ask("DELETE", path, match=read["ETag"]))
    versions = api.ask("GET", f"{path}/versions?limit=1").json()
    assert [(item["version"], item["note"]) for item in versions["items"]] == [(2, "More")]
    older = api.ask("GET", f"{path}/versions?limit=1&cursor={versions['next']}").json()
    assert [item["spec"] for item in older["items"]] == [SPEC]
    diff = api.ask("GET", f"{path}/versions/1/diff/2").json()["changes"]
    assert [(item["path"], item["new"]) for item in diff] == [("agents.writer.goal", "Write more")]
    assert api.ask("GET", f"{path}/versions/1/diff/9").status_code == 404
    made(api, "Another", tools=["calculator"])
    page = api.ask("GET", "/agents?limit=2").json()
    rest = api.ask("GET", f"/agents?limit=2&cursor={page['next']}").json()
    assert [item["name"] for each in (page, rest) for item in each["items"]] == ["Another", "Repeated", "Writer"]
    assert [item["name"] for item in api.ask("GET", "/agents?q=calc").json()["items"]] == ["Another"]
    assert code(api.ask("GET", "/agents?cursor=x")) == (422, "invalid", {"cursor"})
    assert api.ask("DELETE", path, match='"2"').status_code == 204
    assert api.ask("GET", path).status_code == 404


def test_a_crew_adds_one_overrides_it_and_takes_over_what_changed(api: Api, crew: Crew) -> None:
    kept = made(api)
    assert api.ask("GET", LIBRARY).json() == {"items": []}
    added = api.ask("POST", LIBRARY, {"agent": kept["id"]}, match=f'"{crew.revision}"')
    assert (added.status_code, added.json()["key"], added.json()["own"]) == (201, "writer", [])
    assert refused(api.ask("POST", LIBRARY, {"agent": kept["id"]}, match=f'"{crew.revision}"'))
    assert code(api.ask("POST", LIBRARY, {"agent": kept["id"], "key": "lead"})) == (422, "invalid", {"key"})
    spec = spec_of(Crew.objects.get(pk=crew.pk)).to_json()
    spec["agents"][-1] |= {"goal": "Mine", "backstory": "Only mine"}
    api.ask("PUT", "/crews/company-brief", spec)
    change = {"name": "Writer", "spec": SPEC | {"goal": "Theirs", "llm": {"model": "gpt-4o-mini"}}}
    api.ask("PUT", f"/agents/{kept['id']}", change)
    read = api.ask("GET", f"{LIBRARY}/writer")
    link = read.json()
    assert (link["version"], link["newer"], link["own"]) == (
        1,
        2,
        ["agents.writer.goal", "agents.writer.backstory"],
    )
    assert [each["path"] for each in link["offered_changes"]] == ["agents.writer.goal", "agents.writer.llm.model"]
    (conflict,) = link["conflicts"]
    assert (conflict["path"], conflict["mine"], conflict["theirs"]) == ("agents.writer.goal", "Mine", "Theirs")
    assert api.ask("GET", f"/agents/{kept['id']}/crews").json()["items"][0]["newer"] == 2
    take = f"{LIBRARY}/writer/take-over"
    assert code(api.ask("POST", take, {"version": 2})) == (422, "undecided", {"agents.writer.goal"})
    assert code(api.ask("POST", take, {"version": 1}))[:2] == (409, "conflict")
    choices = {"agents.writer.goal": "mine"}
    assert refused(api.ask("POST", take, {"version": 2, "choices": choices}, match='"1"'))
    done = api.ask("POST", take, {"version": 2, "choices": choices}, match=read["ETag"])
    assert (done.status_code, done.json()["version"], done.json()["taken"]) == (200, 2, 1)
    agent = spec_of(Crew.objects.get(pk=crew.pk)).agent("writer")
    assert agent is not None
    assert (agent.goal, agent.backstory, agent.llm.model) == ("Mine", "Only mine", "gpt-4o-mini")
    assert code(api.ask("POST", take, {"version": 2}))[:2] == (409, "conflict")


def test_a_crews_agent_is_kept_declines_gives_back_is_reset_unlinked_and_linked(api: Api, crew: Crew) -> None:
    news = f"{LIBRARY}/news"
    assert api.ask("GET", news).status_code == 404
    kept = api.ask("POST", f"{news}/keep", {"name": "Hound"}, match=f'"{crew.revision}"')
    assert (kept.status_code, kept.json()["crews"]) == (201, 1)
    path, spec = f"/agents/{kept.json()['id']}", kept.json()["spec"]
    api.ask("PUT", path, {"name": "Hound", "spec": spec | {"goal": "Theirs"}})
    assert code(api.ask("POST", f"{news}/give-back", {"version": 2}))[:2] == (409, "conflict")
    own = api.ask("POST", f"{news}/keep-own", {"version": 2}).json()
    assert (own["version"], own["newer"], own["own"]) == (2, None, ["agents.news.goal"])
    back = api.ask("POST", f"{news}/give-back", {"version": 2, "note": "Ours is better"}).json()
    assert (back["version"], back["own"]) == (3, [])
    assert api.ask("GET", path).json()["spec"] == spec
    api.ask("PUT", path, {"name": "Hound", "spec": spec | {"goal": "Again"}})
    reset = api.ask("POST", f"{news}/reset", {"version": 4}).json()
    assert (reset["version"], reset["key"]) == (4, "news")
    assert refused(api.ask("DELETE", news, match='"1"'))
    assert api.ask("DELETE", news, match=f'"{reset["revision"]}"').status_code == 204
    assert api.ask("DELETE", news).status_code == 404
    linked = api.ask("PUT", news, {"agent": kept.json()["id"]})
    assert (linked.status_code, linked.json()["own"]) == (200, [])
    assert api.ask("PUT", f"{LIBRARY}/nobody", {"agent": kept.json()["id"]}).status_code == 404


def test_another_teams_agents_are_not_there(api: Api, cast: Cast, crew: Crew) -> None:
    spec = AgentSpec.from_json(SPEC).to_json()
    theirs = LibraryAgent.objects.create(team=cast.stranger.team, name="T", spec=spec, model_id="m").pk
    create_crew(cast.stranger, name="Elsewhere")
    for method, path, body in (
        ("GET", f"/agents/{theirs}", None),
        ("PUT", f"/agents/{theirs}", {"name": "x", "spec": SPEC}),
        ("DELETE", f"/agents/{theirs}", None),
        ("GET", f"/agents/{theirs}/crews", None),
        ("GET", f"/agents/{theirs}/versions", None),
        ("POST", LIBRARY, {"agent": theirs}),
        ("PUT", f"{LIBRARY}/news", {"agent": theirs}),
        ("GET", "/crews/elsewhere/library", None),
    ):
        assert api.ask(method, path, body).status_code == 404, (method, path)
    assert api.ask("GET", "/agents").json() == {"items": [], "next": None}
