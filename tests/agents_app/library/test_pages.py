"""Pages of the library: who may what, what crews are offered and take over there, and hostile texts."""

from __future__ import annotations

import json
import re

import pytest
from django.urls import reverse

from agents_app.actions import save_agent
from agents_app.library import queries
from agents_app.library.actions import change
from agents_app.library.in_crews.actions import keep_from_crew
from agents_app.models import Crew, LibraryAgent
from agents_app.snapshot import spec_of
from engine.spec.crew_spec import AgentSpec
from tests.cast import Cast, owner_of
from tests.pages import CREW, HOSTILE, html, signed_in

pytestmark = pytest.mark.django_db

AGENTS = "/t/acme/agents/"
NEWS = f"{CREW}agents/news/"
LINK = f"{NEWS}library/"
TYPED = {
    "name": "Newshound",
    "role": "News analyst",
    "goal": "Find it",
    "model": "gpt-4o",
    "key": "hound",
    "timeout_s": "600",
    "max_iter": "20",
    "max_retry_limit": "2",
}


def now(crew: Crew) -> Crew:
    return Crew.objects.get(pk=crew.pk)


def agent(crew: Crew, key: str = "news") -> AgentSpec:
    found = spec_of(now(crew)).agent(key)
    assert found is not None
    return found


def says(crew: Crew, **changes: str) -> None:
    crew = now(crew)
    spec = agent(crew).model_copy(update=changes)
    save_agent(owner_of(crew), crew, expected_revision=crew.revision, key="news", spec=spec)


def changed(cast: Cast, kept: LibraryAgent, **changes: str) -> LibraryAgent:
    kept = LibraryAgent.objects.get(pk=kept.pk)
    spec = AgentSpec.from_json(kept.spec).model_copy(update=changes)
    return change(cast.editor, kept, expected_revision=kept.revision, name=kept.name, spec=spec, note="Why")


def seen(crew: Crew, kept: LibraryAgent) -> dict[str, str | int]:
    return {"revision": now(crew).revision, "version": LibraryAgent.objects.get(pk=kept.pk).number}


@pytest.fixture
def kept(cast: Cast, crew: Crew) -> LibraryAgent:
    return keep_from_crew(cast.editor, crew, "news", name="Newshound")


def test_an_agent_is_kept_from_a_crew_listed_and_added_to_another(cast: Cast, crew: Crew) -> None:
    editor, viewer = signed_in(cast.editor), signed_in(cast.viewer)
    assert "No agent is kept yet" in html(viewer.get(AGENTS))
    assert "The library is empty" in html(editor.get(f"{CREW}library/"))
    assert "Keep in library" in html(editor.get(NEWS, headers={"HX-Request": "true"}))
    page = html(editor.get(LINK))
    assert 'value="News analyst"' in page
    assert "It comes from this one" not in page
    assert editor.post(f"{LINK}keep/", {"revision": crew.revision, "name": " "}).status_code == 422
    done = editor.post(f"{LINK}keep/", {"revision": crew.revision, "name": "Newshound", "note": "Of ours"})
    kept = LibraryAgent.objects.get()
    assert (done.status_code, done["Location"]) == (302, f"{AGENTS}{kept.pk}/")
    for said in ("Newshound", "gpt-4o-mini", "1 agent of crews"):
        assert said in html(viewer.get(AGENTS)), said
    assert "No agent fits" in html(viewer.get(AGENTS, {"q": "nowhere"}))
    assert "at most 100" in html(viewer.get(AGENTS, {"q": "x" * 101}))
    page = html(viewer.get(f"{AGENTS}{kept.pk}/"))
    for said in ("Of ours", "as in the library", "Company brief", "editor@example.com", "Find the news about"):
        assert said in page, said
    assert "Withdraw" not in page
    assert "From the library" in html(editor.get(NEWS, headers={"HX-Request": "true"}))
    assert "News analyst" in html(editor.get(f"{CREW}library/", {"q": "hound"}))
    edit = {"agent": kept.pk, "revision": crew.revision}
    done = editor.post(f"{CREW}library/", edit)
    assert done["Location"] == f"{CREW}#agent-news_2"
    assert editor.post(f"{CREW}library/", edit)["Location"] == f"{CREW}library/", "the draft is another one by now"
    assert list(queries.links_of(now(crew))) == ["news", "news_2"]
    page = html(viewer.get(CREW))
    assert page.count("as in the library") == 2


def test_a_new_one_is_typed_changed_and_restored(cast: Cast) -> None:
    editor = signed_in(cast.editor)
    assert editor.post(f"{AGENTS}new/", TYPED | {"revision": 0, "name": ""}).status_code == 422
    done = editor.post(f"{AGENTS}new/", TYPED | {"revision": 0, "tools": ["calculator"]})
    kept = LibraryAgent.objects.get()
    assert done["Location"] == f"{AGENTS}{kept.pk}/"
    spec = AgentSpec.from_json(kept.spec)
    assert (spec.key, spec.llm.model, spec.tools[0].name) == ("hound", "gpt-4o", "calculator")
    address = f"{AGENTS}{kept.pk}/edit/"
    assert 'value="Newshound"' in html(editor.get(address))
    other = TYPED | {"revision": 1, "goal": "Find more", "note": "More of it", "tools": ["calculator"]}
    assert editor.post(address, other)["Location"] == f"{AGENTS}{kept.pk}/"
    late = editor.post(address, other | {"goal": "Late"})
    assert late.status_code == 422
    assert "Saved meanwhile: Find more" in html(late)
    assert editor.post(address, other | {"name": "Hound", "revision": 2}).status_code == 302
    page = html(editor.get(f"{AGENTS}{kept.pk}/"))
    assert "More of it" in page
    assert "goal Find it → Find more" in page
    first, second = (f"{AGENTS}{kept.pk}/versions/{number}/" for number in (1, 2))
    assert "first version" in html(editor.get(first))
    assert re.search(r"<ins[^>]*>(<span[^>]*>[^<]*</span>)?Find more</ins>", html(editor.get(second)))
    editor.post(f"{first}restore/", {"revision": 3})
    kept.refresh_from_db()
    assert (AgentSpec.from_json(kept.spec).goal, kept.number, kept.name) == ("Find it", 3, "Hound")
    assert editor.get(f"{AGENTS}{kept.pk}/versions/9/").status_code == 404


def test_what_changed_in_the_library_is_shown_by_word_and_taken_over_at_one_click(
    cast: Cast, crew: Crew, kept: LibraryAgent
) -> None:
    editor = signed_in(cast.editor)
    says(crew, backstory="Of this crew")
    goal = "Find all the news about {company}, of the sea and of the land, and say where each was found"
    changed(cast, kept, goal=goal)
    page = html(editor.get(CREW))
    assert "library: newer" in page
    assert "v2 is there" in page
    assert page.count("Take it over") == 1
    assert "Take it over" not in html(signed_in(cast.viewer).get(CREW))
    assert "v2 is offered" in html(editor.get(f"{AGENTS}{kept.pk}/"))
    page = html(editor.get(LINK))
    for said in (
        "1 field changed",
        "None of it touches",
        "</span>all </ins>",
        "Keep mine",
        "What this crew says differently",
    ):
        assert said in page, said
    assert "Take it over" not in html(signed_in(cast.viewer).get(LINK))
    done = editor.post(LINK, seen(crew, kept))
    assert done["Location"] == f"{CREW}#agent-news"
    assert (agent(crew).goal, agent(crew).backstory) == (goal, "Of this crew")
    assert "and says some of it differently" in html(editor.get(LINK))


def test_a_conflict_is_chosen_and_mine_may_be_kept(cast: Cast, crew: Crew, kept: LibraryAgent) -> None:
    editor = signed_in(cast.editor)
    says(crew, goal="Mine")
    changed(cast, kept, goal="Theirs")
    page = html(editor.get(LINK))
    assert 'name="choice.agents.news.goal"' in page
    assert "Take the library’s" in page
    undecided = editor.post(LINK, seen(crew, kept))
    assert undecided.status_code == 422
    assert "both here and in the library" in html(undecided)
    stale = editor.post(LINK, seen(crew, kept) | {"version": 1, "choice.agents.news.goal": "theirs"})
    assert stale.status_code == 409
    assert "another version by now" in html(stale)
    assert editor.post(f"{LINK}own/", seen(crew, kept)).status_code == 302
    assert agent(crew).goal == "Mine"
    assert "library, changed" in html(editor.get(LINK))
    changed(cast, kept, goal="Theirs again")
    editor.post(LINK, seen(crew, kept) | {"choice.agents.news.goal": "theirs"})
    assert agent(crew).goal == "Theirs again"


def test_given_back_reset_unlinked_and_linked_again(cast: Cast, crew: Crew, kept: LibraryAgent) -> None:
    editor = signed_in(cast.editor)
    says(crew, goal="Better")
    assert "Give it to the library" in html(editor.get(LINK))
    editor.post(f"{LINK}give-back/", seen(crew, kept) | {"note": "Better news"})
    kept.refresh_from_db()
    assert (kept.number, AgentSpec.from_json(kept.spec).goal) == (2, "Better")
    assert "word for word" in html(editor.get(LINK))
    says(crew, goal="Worse")
    editor.post(f"{LINK}reset/", seen(crew, kept))
    assert agent(crew).goal == "Better"
    editor.post(f"{LINK}unlink/", seen(crew, kept))
    assert "It comes from this one" in html(editor.get(LINK))
    assert "does not come from the library" in html(signed_in(cast.viewer).get(LINK))
    again = editor.post(f"{LINK}unlink/", seen(crew, kept), follow=True)
    assert "does not come from the library any more" in html(again)
    editor.post(f"{LINK}link/", {"agent": kept.pk, "revision": now(crew).revision})
    assert list(queries.links_of(now(crew))) == ["news"]


def test_a_crews_json_says_that_it_loses_where_agents_come_from(cast: Cast, crew: Crew, kept: LibraryAgent) -> None:
    editor = signed_in(cast.editor)
    assert "linked by hand" in html(editor.get(f"{CREW}json/"))
    text = json.dumps(spec_of(crew).to_json())
    editor.post(f"{CREW}json/", {"revision": crew.revision, "spec": text})
    assert list(queries.links_of(now(crew))) == ["news"], "an agent whose key stays keeps its link"
    editor.post(f"{LINK}unlink/", {"revision": now(crew).revision})
    assert "linked by hand" not in html(editor.get(f"{CREW}json/"))


def test_who_is_gone_leaves_what_they_kept(cast: Cast, crew: Crew, kept: LibraryAgent) -> None:
    changed(cast, kept, goal="Find more")
    viewer = signed_in(cast.viewer)
    assert "editor@example.com" in html(viewer.get(f"{AGENTS}{kept.pk}/"))
    cast.editor.user.delete()
    for path in (AGENTS, f"{AGENTS}{kept.pk}/", f"{AGENTS}{kept.pk}/versions/2/", LINK):
        assert "editor@example.com" not in html(viewer.get(path)), path
    assert LibraryAgent.objects.get().changed_by is None


def test_withdrawn_its_page_is_gone_and_crews_stay(cast: Cast, crew: Crew, kept: LibraryAgent) -> None:
    editor, address = signed_in(cast.editor), f"{AGENTS}{kept.pk}/"
    stale = editor.post(f"{address}withdraw/", {"revision": 9}, follow=True)
    assert "Somebody changed this agent" in html(stale)
    done = editor.post(f"{address}withdraw/", {"revision": 1}, follow=True)
    assert "keep what they have" in html(done)
    assert editor.get(address).status_code == 404
    assert agent(crew).role == "News analyst"
    assert "From the library" not in html(editor.get(CREW))


def test_another_teams_agent_is_not_there(cast: Cast, crew: Crew, kept: LibraryAgent) -> None:
    stranger = signed_in(cast.stranger)
    assert stranger.get(f"/t/others/agents/{kept.pk}/").status_code == 404
    theirs = LibraryAgent.objects.create(team=cast.stranger.team, name="T", spec=kept.spec, model_id="m")
    editor, revision = signed_in(cast.editor), crew.revision
    for path in ("library/", "agents/news/library/link/"):
        assert editor.post(f"{CREW}{path}", {"agent": theirs.pk, "revision": revision}).status_code == 404
    assert editor.get(reverse("agent_library", args=["acme", crew.slug, "nobody"])).status_code == 404


def test_hostile_texts_are_texts(cast: Cast, crew: Crew, kept: LibraryAgent) -> None:
    changed(cast, kept, role=HOSTILE, goal=HOSTILE, backstory=HOSTILE)
    says(crew, goal=f"{HOSTILE} mine", role=f"Mine {HOSTILE}")
    kept.refresh_from_db()
    change(
        cast.editor,
        kept,
        expected_revision=kept.revision,
        name=HOSTILE[:190],
        spec=AgentSpec.from_json(kept.spec),
        note=HOSTILE[:190],
    )
    editor = signed_in(cast.editor)
    paths = (AGENTS, f"{AGENTS}{kept.pk}/", f"{AGENTS}{kept.pk}/edit/", f"{AGENTS}{kept.pk}/versions/2/")
    for path in (*paths, CREW, LINK, f"{CREW}library/", f"{CREW}agents/lead/library/"):
        answer = editor.get(path)
        assert answer.status_code == 200, path
        assert "<script>alert" not in html(answer), path
        assert "<img src=x" not in html(answer), path
