"""Pages of crews: what they show, what an edit changes, and that nothing that was typed is lost when it is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client
from django.utils.html import escape

from agents_app.actions import archive_crew, create_crew, cut_version, replace_spec
from agents_app.models import Crew
from agents_app.snapshot import spec_of
from engine.spec.crew_spec import AgentSpec, CrewSpec, TaskSpec, ToolSpec
from teams.access import Principal
from tests.cast import Cast, brief_spec, make_cast, make_crew

pytestmark = pytest.mark.django_db

CREWS = "/t/acme/crews/"
PAGE = f"{CREWS}company-brief/"
HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>\u202egnp.exe" + "W" * 10_000

SOURCE = """
from crewai import Agent, Task, Crew
writer = Agent(role="Writer", goal="Write about {topic}", backstory="You write.", llm="openai/gpt-4o")
note = Task(description="Write about {topic}.", expected_output="A note", agent=writer)
crew = Crew(agents=[writer], tasks=[note])
"""


@pytest.fixture
def cast() -> Cast:
    return make_cast()


@pytest.fixture
def crew(cast: Cast) -> Crew:
    return make_crew(cast.owner)


def signed_in(who: Principal) -> Client:
    client = Client()
    client.force_login(who.user)
    return client


def html(response: HttpResponse) -> str:
    return response.content.decode()


def agent_fields(crew: Crew, **typed: Any) -> dict[str, Any]:
    """What the form of a plain agent posts."""
    return {
        "revision": Crew.objects.get(pk=crew.pk).revision,
        "key": "finance",
        "role": "Finance analyst",
        "model": "gpt-4o-mini",
        "timeout_s": 600,
        "max_iter": 20,
        "max_retry_limit": 2,
        "cache": "on",
    } | typed


def task_fields(crew: Crew, **typed: Any) -> dict[str, Any]:
    return {
        "revision": Crew.objects.get(pk=crew.pk).revision,
        "key": "figures",
        "description": "Collect the figures of {company}.",
        "agent": "finance",
        "reads": "none",
        "guardrail_max_retries": 3,
    } | typed


class TestList:
    def test_without_crews_it_says_what_to_do(self, cast: Cast) -> None:
        page = html(signed_in(cast.editor).get(CREWS))
        assert f'href="{CREWS}import/"' in page
        assert 'href="/t/acme/templates/"' in page

    def test_a_viewer_is_not_offered_what_a_viewer_may_not(self, cast: Cast) -> None:
        assert f"{CREWS}import/" not in html(signed_in(cast.viewer).get(CREWS))
        assert signed_in(cast.viewer).get(f"{CREWS}import/").status_code == 403

    def test_it_shows_each_crew_once_with_its_counts(self, cast: Cast, crew: Crew) -> None:
        cut_version(crew, by=cast.owner.user)
        (row,) = signed_in(cast.viewer).get(CREWS).context["crews"]
        assert (row.name, row.agent_count, row.task_count, row.latest) == ("Company brief", 3, 3, 1)

    def test_search_narrows_it_and_says_when_nothing_fits(self, cast: Cast, crew: Crew) -> None:
        client = signed_in(cast.viewer)
        assert PAGE in html(client.get(CREWS, {"q": "BRIEF"}))
        page = html(client.get(CREWS, {"q": "nothing of this"}))
        assert PAGE not in page
        assert "nothing of this" in page

    def test_the_same_address_gives_a_fragment_to_htmx(self, cast: Cast, crew: Crew) -> None:
        fragment = html(signed_in(cast.viewer).get(CREWS, {"q": "brief"}, headers={"HX-Request": "true"}))
        assert PAGE in fragment
        assert "<html" not in fragment

    def test_strangers_and_archived_crews_are_not_in_it(self, cast: Cast, crew: Crew) -> None:
        assert signed_in(cast.stranger).get(CREWS).status_code == 404
        archive_crew(crew)
        assert PAGE not in html(signed_in(cast.viewer).get(CREWS))
        assert signed_in(cast.viewer).get(PAGE).status_code == 404

    def test_it_takes_as_many_queries_for_ten_crews_as_for_one(
        self, cast: Cast, crew: Crew, django_assert_max_num_queries: Any
    ) -> None:
        client = signed_in(cast.viewer)
        for _ in range(9):
            make_crew(cast.owner)
        with django_assert_max_num_queries(6):
            client.get(CREWS)


class TestNew:
    def test_a_name_makes_an_empty_crew(self, cast: Cast) -> None:
        response = signed_in(cast.editor).post(f"{CREWS}new/", {"name": "My first"})
        assert response["Location"].startswith(f"{CREWS}my-first/")

    def test_without_a_name_there_is_none(self, cast: Cast) -> None:
        response = signed_in(cast.editor).post(f"{CREWS}new/", {"name": "  "})
        assert "name" in response.context["form"].errors
        assert not Crew.objects.exists()


class TestImport:
    def test_the_preview_shows_what_was_understood_and_saves_nothing(self, cast: Cast) -> None:
        response = signed_in(cast.editor).post(f"{CREWS}import/", {"source": SOURCE})
        page = html(response)
        assert response.context["spec"].agents[0].role == "Writer"
        assert "topic" in page
        assert escape(SOURCE.strip()) in page
        assert not Crew.objects.exists()

    def test_saving_makes_the_crew(self, cast: Cast) -> None:
        client = signed_in(cast.editor)
        previewed = client.post(f"{CREWS}import/", {"source": SOURCE}).context["spec_json"]
        response = client.post(f"{CREWS}import/save/", {"spec": previewed, "name": "Notes"})
        assert response["Location"].startswith(f"{CREWS}notes/")
        assert spec_of(Crew.objects.get()).agents[0].llm.model == "openai/gpt-4o"

    @pytest.mark.parametrize("source", ["", "   ", "import os\nos.remove('x')", "{", HOSTILE, "\x00"])
    def test_what_cannot_be_read_is_said_and_kept(self, cast: Cast, source: str) -> None:
        response = signed_in(cast.editor).post(f"{CREWS}import/", {"source": source})
        assert response.status_code in (200, 422)
        assert not Crew.objects.exists()
        assert "<script>alert" not in html(response)
        if source.strip("\x00 "):
            assert escape(source) in html(response)


class TestPage:
    def test_it_shows_every_agent_and_task_and_the_graph(self, cast: Cast, crew: Crew) -> None:
        page = html(signed_in(cast.viewer).get(PAGE))
        for text in ("Finance analyst", "News analyst", "Lead analyst", "Collect the headlines", "<svg"):
            assert text in page

    def test_a_viewer_sees_no_button_that_saves(self, cast: Cast, crew: Crew) -> None:
        page = html(signed_in(cast.viewer).get(PAGE))
        for text in ("Save agent", "Save task", "Archive this crew", "/launch/"):
            assert text not in page

    def test_each_complaint_leads_to_its_form(self, cast: Cast, crew: Crew) -> None:
        spec = brief_spec()
        tasks = (spec.tasks[0].model_copy(update={"agent": "nobody"}), *spec.tasks[1:])
        replace_spec(crew, expected_revision=crew.revision, spec=spec.model_copy(update={"tasks": tasks}))
        page = html(signed_in(cast.editor).get(PAGE))
        assert "nobody" in page
        assert f'href="{PAGE}tasks/figures/#at-id_tasks_figures_agent"' in page
        form = html(signed_in(cast.editor).get(f"{PAGE}tasks/figures/"))
        assert 'id="at-id_tasks_figures_agent"' in form
        assert "There is no agent &#x27;nobody&#x27;" in form

    def test_hostile_text_is_shown_as_text(self, cast: Cast) -> None:
        agent = AgentSpec(key="a", role=HOSTILE, goal=HOSTILE, backstory=HOSTILE)
        task = TaskSpec(key="t", name=HOSTILE[:200], description=HOSTILE, expected_output=HOSTILE, agent="a")
        made = create_crew(cast.owner, name=HOSTILE[:200], spec=CrewSpec(name="x", agents=(agent,), tasks=(task,)))
        client = signed_in(cast.owner)
        for path in (CREWS, f"{CREWS}{made.slug}/", f"{CREWS}{made.slug}/json/"):
            page = html(client.get(path))
            assert "<script>alert" not in page
            assert "<img src=x" not in page

    def test_an_empty_crew_has_a_page(self, cast: Cast) -> None:
        made = create_crew(cast.owner, name="Empty")
        assert "No tasks yet" in html(signed_in(cast.owner).get(f"{CREWS}{made.slug}/"))

    def test_a_page_without_inline_script_or_style(self, cast: Cast, crew: Crew) -> None:
        page = html(signed_in(cast.owner).get(PAGE))
        for forbidden in ("<style", " style=", "<script>", " onclick", "javascript:", "hx-on"):
            assert forbidden not in page


class TestForms:
    @pytest.mark.parametrize("path", ["agents/finance/", "agents/", "tasks/brief/", "tasks/"])
    def test_a_form_is_a_fragment_and_a_page_with_it_open(self, cast: Cast, crew: Crew, path: str) -> None:
        client = signed_in(cast.editor)
        page = html(client.get(PAGE + path))
        fragment = html(client.get(PAGE + path, headers={"HX-Request": "true"}))
        assert "<html" not in fragment
        assert f'action="{PAGE}{path}"' in fragment
        assert f'action="{PAGE}{path}"' in page
        assert f'action="{PAGE}{path}"' not in html(client.get(PAGE))

    def test_the_page_stays_small_for_a_large_crew(self, cast: Cast) -> None:
        tasks = tuple(TaskSpec(key=f"t{number}", description="Do it", agent="a") for number in range(100))
        spec = CrewSpec(name="Large", agents=(AgentSpec(key="a", role="One"),), tasks=tasks)
        made = create_crew(cast.owner, name="Large", spec=spec)
        assert len(signed_in(cast.owner).get(f"{CREWS}{made.slug}/").content) < 400_000

    def test_viewers_get_no_form(self, cast: Cast, crew: Crew) -> None:
        assert signed_in(cast.viewer).get(f"{PAGE}agents/finance/").status_code == 403

    def test_a_tool_that_nobody_knows_can_be_seen_and_taken_away(self, cast: Cast, crew: Crew) -> None:
        spec = spec_of(crew)
        agents = (spec.agents[0].model_copy(update={"tools": (ToolSpec(name="my_tool"),)}), *spec.agents[1:])
        replace_spec(crew, expected_revision=crew.revision, spec=spec.model_copy(update={"agents": agents}))
        client = signed_in(cast.editor)
        assert "my_tool (unknown)" in html(client.get(f"{PAGE}agents/finance/"))
        client.post(f"{PAGE}agents/finance/", agent_fields(crew))
        assert spec_of(crew).agents[0].tools == ()

    def test_settings_of_a_tool_are_kept(self, cast: Cast, crew: Crew) -> None:
        spec = spec_of(crew)
        tool = ToolSpec(name="scrape_website", config={"website_url": "https://example.com"})
        agents = (spec.agents[0].model_copy(update={"tools": (tool,)}), *spec.agents[1:])
        replace_spec(crew, expected_revision=crew.revision, spec=spec.model_copy(update={"agents": agents}))
        typed = agent_fields(crew, tools=["scrape_website", "calculator"])
        signed_in(cast.editor).post(f"{PAGE}agents/finance/", typed)
        assert spec_of(crew).agents[0].tools == (tool, ToolSpec(name="calculator"))

    @pytest.mark.parametrize(
        ("typed", "names"),
        [({}, None), ({"own_tools": "on"}, []), ({"own_tools": "on", "tools": ["calculator"]}, ["calculator"])],
    )
    def test_a_task_has_its_agents_tools_or_none_or_its_own(
        self, cast: Cast, crew: Crew, typed: dict[str, Any], names: list[str] | None
    ) -> None:
        signed_in(cast.editor).post(f"{PAGE}tasks/figures/", task_fields(crew, **typed))
        tools = spec_of(crew).tasks[0].tools
        assert (None if tools is None else [tool.name for tool in tools]) == names

    def test_an_agent_that_was_removed_meanwhile_keeps_what_was_typed(self, cast: Cast, crew: Crew) -> None:
        typed = agent_fields(crew, role="Typed in vain?")
        client = signed_in(cast.editor)
        client.post(f"{PAGE}agents/finance/delete/", {"revision": Crew.objects.get(pk=crew.pk).revision})
        page = html(client.post(f"{PAGE}agents/finance/", typed))
        assert "Typed in vain?" in page
        assert f'action="{PAGE}agents/"' in page


class TestAgents:
    def test_an_agent_is_changed_and_keeps_what_the_form_does_not_show(self, cast: Cast, crew: Crew) -> None:
        spec = spec_of(crew)
        agents = (spec.agents[0].model_copy(update={"respect_context_window": False}), *spec.agents[1:])
        replace_spec(crew, expected_revision=crew.revision, spec=spec.model_copy(update={"agents": agents}))
        typed = agent_fields(crew, role="Chief analyst", model="gpt-4o", tools=["calculator"], temperature="0.2")
        response = signed_in(cast.editor).post(f"{PAGE}agents/finance/", typed)
        assert response["Location"] == f"{PAGE}#agent-finance"
        agent = spec_of(crew).agent("finance")
        assert agent is not None
        assert (agent.role, agent.llm.model, agent.llm.temperature) == ("Chief analyst", "gpt-4o", 0.2)
        assert not agent.respect_context_window
        assert [tool.name for tool in agent.tools] == ["calculator"]

    def test_a_new_key_follows_into_the_tasks(self, cast: Cast, crew: Crew) -> None:
        signed_in(cast.editor).post(f"{PAGE}agents/finance/", agent_fields(crew, key="money"))
        assert spec_of(crew).tasks[0].agent == "money"

    def test_an_agent_is_added_and_removed(self, cast: Cast, crew: Crew) -> None:
        client = signed_in(cast.editor)
        client.post(f"{PAGE}agents/", agent_fields(crew, key="editor", role="Editor"))
        assert [agent.key for agent in spec_of(crew).agents] == ["finance", "news", "lead", "editor"]
        client.post(f"{PAGE}agents/editor/delete/", {"revision": Crew.objects.get(pk=crew.pk).revision})
        assert [agent.key for agent in spec_of(crew).agents] == ["finance", "news", "lead"]

    def test_a_taken_key_is_refused_at_the_key_with_what_was_typed(self, cast: Cast, crew: Crew) -> None:
        response = signed_in(cast.editor).post(f"{PAGE}agents/", agent_fields(crew, key="news", role="Typed in vain?"))
        assert response.status_code == 422
        assert response.context["new_agent"].errors["key"] == ["This key is taken."]
        assert "Typed in vain?" in html(response)

    @pytest.mark.parametrize(
        ("field", "value"), [("key", "Not A Key"), ("temperature", "9"), ("max_iter", "0"), ("role", ""), ("model", "")]
    )
    def test_each_wrong_field_is_told_at_that_field(self, cast: Cast, crew: Crew, field: str, value: str) -> None:
        response = signed_in(cast.editor).post(f"{PAGE}agents/finance/", agent_fields(crew, **{field: value}))
        assert response.status_code == 422
        form = dict(response.context["agents"])[spec_of(crew).agents[0]]
        assert list(form.errors) == [field]

    def test_a_stale_edit_keeps_what_was_typed_and_saves_on_the_second_word(self, cast: Cast, crew: Crew) -> None:
        typed = agent_fields(crew, role="Mine")
        client = signed_in(cast.editor)
        client.post(f"{PAGE}agents/finance/", agent_fields(crew, role="Theirs"))
        response = client.post(f"{PAGE}agents/finance/", typed)
        assert response.status_code in (409, 422)
        page = html(response)
        assert "Mine" in page
        assert spec_of(crew).agents[0].role == "Theirs"
        again = client.post(f"{PAGE}agents/finance/", typed | {"revision": Crew.objects.get(pk=crew.pk).revision})
        assert again.status_code == 302
        assert f'name="revision" value="{Crew.objects.get(pk=crew.pk).revision - 1}"' in page

    def test_only_editors_change_agents(self, cast: Cast, crew: Crew) -> None:
        response = signed_in(cast.runner).post(f"{PAGE}agents/finance/", agent_fields(crew, role="Changed"))
        assert response.status_code == 403
        assert signed_in(cast.stranger).post(f"{PAGE}agents/finance/", agent_fields(crew)).status_code == 404
        assert spec_of(crew).agents[0].role == "Finance analyst"


class TestTasks:
    @pytest.mark.parametrize(
        ("typed", "context"),
        [
            ({"reads": "unset"}, None),
            ({"reads": "none", "context": ["figures"]}, ()),
            ({"reads": "chosen", "context": ["figures"]}, ("figures",)),
        ],
    )
    def test_context_is_unset_or_none_or_chosen(
        self, cast: Cast, crew: Crew, typed: dict[str, Any], context: tuple[str, ...] | None
    ) -> None:
        signed_in(cast.editor).post(f"{PAGE}tasks/brief/", task_fields(crew, key="brief", **typed))
        assert spec_of(crew).tasks[2].context == context

    def test_chosen_needs_a_choice(self, cast: Cast, crew: Crew) -> None:
        response = signed_in(cast.editor).post(f"{PAGE}tasks/brief/", task_fields(crew, key="brief", reads="chosen"))
        assert response.status_code == 422
        assert spec_of(crew).tasks[2].context == ("figures", "headlines")

    def test_a_task_is_added_moved_and_removed(self, cast: Cast, crew: Crew) -> None:
        client = signed_in(cast.editor)
        client.post(f"{PAGE}tasks/", task_fields(crew, key="check"))
        client.post(f"{PAGE}tasks/check/move/", {"to": "up", "revision": Crew.objects.get(pk=crew.pk).revision})
        assert [task.key for task in spec_of(crew).tasks] == ["figures", "headlines", "check", "brief"]
        client.post(f"{PAGE}tasks/figures/delete/", {"revision": Crew.objects.get(pk=crew.pk).revision})
        assert spec_of(crew).tasks[-1].context == ("headlines",)

    def test_a_schema_that_is_not_json_is_told_at_its_field(self, cast: Cast, crew: Crew) -> None:
        response = signed_in(cast.editor).post(f"{PAGE}tasks/figures/", task_fields(crew, output_schema="{not json"))
        assert response.status_code == 422
        form = dict(response.context["tasks"])[spec_of(crew).tasks[0]]
        assert list(form.errors) == ["output_schema"]
        assert "{not json" in html(response)

    def test_a_schema_is_kept(self, cast: Cast, crew: Crew) -> None:
        schema = {"type": "object", "properties": {"revenue": {"type": "number"}}}
        signed_in(cast.editor).post(f"{PAGE}tasks/figures/", task_fields(crew, output_schema=json.dumps(schema)))
        assert spec_of(crew).tasks[0].output_schema == schema

    def test_moving_with_a_stale_revision_changes_nothing_and_says_so(self, cast: Cast, crew: Crew) -> None:
        response = signed_in(cast.editor).post(f"{PAGE}tasks/brief/move/", {"to": "up", "revision": 999}, follow=True)
        assert "Somebody changed this crew" in html(response)
        assert [task.key for task in spec_of(crew).tasks] == ["figures", "headlines", "brief"]


class TestCrewItself:
    def test_its_own_fields_and_default_inputs_are_saved(self, cast: Cast, crew: Crew) -> None:
        typed = {"revision": crew.revision, "name": "Brief", "process": "parallel", "default.company": "Acme"}
        signed_in(cast.editor).post(f"{PAGE}settings/", typed)
        spec = spec_of(Crew.objects.get(pk=crew.pk))
        assert (spec.name, spec.process, spec.cache, dict(spec.inputs)) == (
            "Brief",
            "parallel",
            False,
            {"company": "Acme"},
        )
        assert len(spec.tasks) == 3

    def test_json_goes_out_and_comes_back(self, cast: Cast, crew: Crew) -> None:
        client = signed_in(cast.editor)
        text = client.get(f"{PAGE}json/").context["text"]
        changed = json.loads(text) | {"process": "parallel"}
        client.post(f"{PAGE}json/", {"spec": json.dumps(changed), "revision": crew.revision})
        assert spec_of(Crew.objects.get(pk=crew.pk)).process == "parallel"

    @pytest.mark.parametrize(
        "spec",
        [
            r'{"name": "a\u0000b"}',
            r'{"name": "a\ud800b"}',
            r'{"name": "a", "inputs": {"b": "\u0000"}}',
            r'{"name": "a", "agents": [{"key": "a", "role": "\u0000"}]}',
            r'{"name": "a", "tasks": [{"key": "a", "description": "b", "output_schema": {"\u0000": 1}}]}',
        ],
    )
    def test_characters_that_cannot_be_kept_are_told(self, cast: Cast, crew: Crew, spec: str) -> None:
        typed = {"spec": spec, "revision": crew.revision}
        response = signed_in(cast.editor).post(f"{PAGE}json/", typed)
        assert response.status_code == 422
        assert response.context["error"]
        imported = signed_in(cast.editor).post(f"{CREWS}import/save/", typed, follow=True)
        assert "import" in imported.redirect_chain[0][0]
        assert Crew.objects.count() == 1

    @pytest.mark.parametrize("text", ["{", "[]", '{"name": "x", "colour": 1}', '{"name": ""}', "[" * 5000])
    def test_json_that_is_no_crew_is_told_and_kept(self, cast: Cast, crew: Crew, text: str) -> None:
        response = signed_in(cast.editor).post(f"{PAGE}json/", {"spec": text, "revision": crew.revision})
        assert response.status_code == 422
        assert escape(text) in html(response)
        assert spec_of(Crew.objects.get(pk=crew.pk)).name == "Company brief"

    def test_archiving_takes_it_out_of_the_list(self, cast: Cast, crew: Crew) -> None:
        response = signed_in(cast.editor).post(f"{PAGE}archive/", follow=True)
        assert PAGE not in html(response)

    def test_a_copy_is_a_draft_of_its_own(self, cast: Cast, crew: Crew) -> None:
        response = signed_in(cast.editor).post(f"{PAGE}copy/")
        copied = Crew.objects.exclude(pk=crew.pk).get()
        assert response["Location"].startswith(f"{CREWS}{copied.slug}/")
        assert spec_of(copied).tasks == spec_of(crew).tasks

    def test_a_version_shows_what_was_frozen(self, cast: Cast, crew: Crew) -> None:
        cut_version(crew, by=cast.owner.user)
        replace_spec(crew, expected_revision=crew.revision, spec=CrewSpec(name="Company brief"))
        page = html(signed_in(cast.viewer).get(f"{PAGE}versions/1/"))
        assert "Collect the headlines" in page
        assert signed_in(cast.viewer).get(f"{PAGE}versions/2/").status_code == 404
        assert signed_in(cast.stranger).get(f"{PAGE}versions/1/").status_code == 404
