"""The page that edits a crew: what it shows, what an edit changes, and that nothing that was typed is lost when it is
refused.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.utils.html import escape

from agents_app.actions import create_crew, replace_spec
from agents_app.models import Crew
from agents_app.snapshot import spec_of
from engine.spec.crew_spec import AgentSpec, CrewSpec, TaskSpec, ToolSpec
from tests.cast import Cast, brief_spec, maker_of
from tests.pages import CREW, CREWS, HOSTILE, html, signed_in

pytestmark = pytest.mark.django_db


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


class TestPage:
    def test_it_shows_every_agent_and_task_and_the_graph(self, cast: Cast, crew: Crew) -> None:
        page = html(signed_in(cast.viewer).get(CREW))
        for text in ("Finance analyst", "News analyst", "Lead analyst", "Collect the headlines", "<svg"):
            assert text in page

    def test_a_viewer_sees_no_button_that_saves(self, cast: Cast, crew: Crew) -> None:
        page = html(signed_in(cast.viewer).get(CREW))
        for text in ("Save agent", "Save task", "Archive this crew", "/launch/"):
            assert text not in page

    def test_each_complaint_leads_to_its_form(self, cast: Cast, crew: Crew) -> None:
        spec = brief_spec()
        tasks = (spec.tasks[0].model_copy(update={"agent": "nobody"}), *spec.tasks[1:])
        replace_spec(
            maker_of(crew), crew, expected_revision=crew.revision, spec=spec.model_copy(update={"tasks": tasks})
        )
        page = html(signed_in(cast.editor).get(CREW))
        assert "nobody" in page
        assert f'href="{CREW}tasks/figures/#at-id_tasks_figures_agent"' in page
        form = html(signed_in(cast.editor).get(f"{CREW}tasks/figures/"))
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
        page = html(signed_in(cast.owner).get(CREW))
        for forbidden in ("<style", " style=", "<script>", " onclick", "javascript:", "hx-on"):
            assert forbidden not in page


class TestForms:
    @pytest.mark.parametrize("path", ["agents/finance/", "agents/", "tasks/brief/", "tasks/"])
    def test_a_form_is_a_fragment_and_a_page_with_it_open(self, cast: Cast, crew: Crew, path: str) -> None:
        client = signed_in(cast.editor)
        page = html(client.get(CREW + path))
        fragment = html(client.get(CREW + path, headers={"HX-Request": "true"}))
        assert "<html" not in fragment
        assert f'action="{CREW}{path}"' in fragment
        assert f'action="{CREW}{path}"' in page
        assert f'action="{CREW}{path}"' not in html(client.get(CREW))

    def test_the_page_stays_small_for_a_large_crew(self, cast: Cast) -> None:
        tasks = tuple(TaskSpec(key=f"t{number}", description="Do it", agent="a") for number in range(100))
        spec = CrewSpec(name="Large", agents=(AgentSpec(key="a", role="One"),), tasks=tasks)
        made = create_crew(cast.owner, name="Large", spec=spec)
        assert len(signed_in(cast.owner).get(f"{CREWS}{made.slug}/").content) < 400_000

    def test_viewers_get_no_form(self, cast: Cast, crew: Crew) -> None:
        assert signed_in(cast.viewer).get(f"{CREW}agents/finance/").status_code == 403

    def test_a_tool_that_nobody_knows_can_be_seen_and_taken_away(self, cast: Cast, crew: Crew) -> None:
        spec = spec_of(crew)
        agents = (spec.agents[0].model_copy(update={"tools": (ToolSpec(name="my_tool"),)}), *spec.agents[1:])
        replace_spec(
            maker_of(crew), crew, expected_revision=crew.revision, spec=spec.model_copy(update={"agents": agents})
        )
        client = signed_in(cast.editor)
        assert "my_tool (unknown)" in html(client.get(f"{CREW}agents/finance/"))
        client.post(f"{CREW}agents/finance/", agent_fields(crew))
        assert spec_of(crew).agents[0].tools == ()

    def test_settings_of_a_tool_are_kept(self, cast: Cast, crew: Crew) -> None:
        spec = spec_of(crew)
        tool = ToolSpec(name="scrape_website", config={"website_url": "https://example.com"})
        agents = (spec.agents[0].model_copy(update={"tools": (tool,)}), *spec.agents[1:])
        replace_spec(
            maker_of(crew), crew, expected_revision=crew.revision, spec=spec.model_copy(update={"agents": agents})
        )
        typed = agent_fields(crew, tools=["scrape_website", "calculator"])
        signed_in(cast.editor).post(f"{CREW}agents/finance/", typed)
        assert spec_of(crew).agents[0].tools == (tool, ToolSpec(name="calculator"))

    @pytest.mark.parametrize(
        ("typed", "names"),
        [({}, None), ({"own_tools": "on"}, []), ({"own_tools": "on", "tools": ["calculator"]}, ["calculator"])],
    )
    def test_a_task_has_its_agents_tools_or_none_or_its_own(
        self, cast: Cast, crew: Crew, typed: dict[str, Any], names: list[str] | None
    ) -> None:
        signed_in(cast.editor).post(f"{CREW}tasks/figures/", task_fields(crew, **typed))
        tools = spec_of(crew).tasks[0].tools
        assert (None if tools is None else [tool.name for tool in tools]) == names

    def test_an_agent_that_was_removed_meanwhile_keeps_what_was_typed(self, cast: Cast, crew: Crew) -> None:
        typed = agent_fields(crew, role="Typed in vain?")
        client = signed_in(cast.editor)
        client.post(f"{CREW}agents/finance/delete/", {"revision": Crew.objects.get(pk=crew.pk).revision})
        page = html(client.post(f"{CREW}agents/finance/", typed))
        assert "Typed in vain?" in page
        assert f'action="{CREW}agents/"' in page


class TestAgents:
    def test_an_agent_is_changed_and_keeps_what_the_form_does_not_show(self, cast: Cast, crew: Crew) -> None:
        spec = spec_of(crew)
        agents = (spec.agents[0].model_copy(update={"respect_context_window": False}), *spec.agents[1:])
        replace_spec(
            maker_of(crew), crew, expected_revision=crew.revision, spec=spec.model_copy(update={"agents": agents})
        )
        typed = agent_fields(crew, role="Chief analyst", model="gpt-4o", tools=["calculator"], temperature="0.2")
        response = signed_in(cast.editor).post(f"{CREW}agents/finance/", typed)
        assert response["Location"] == f"{CREW}#agent-finance"
        agent = spec_of(crew).agent("finance")
        assert agent is not None
        assert (agent.role, agent.llm.model, agent.llm.temperature) == ("Chief analyst", "gpt-4o", 0.2)
        assert not agent.respect_context_window
        assert [tool.name for tool in agent.tools] == ["calculator"]

    def test_a_new_key_follows_into_the_tasks(self, cast: Cast, crew: Crew) -> None:
        signed_in(cast.editor).post(f"{CREW}agents/finance/", agent_fields(crew, key="money"))
        assert spec_of(crew).tasks[0].agent == "money"

    def test_an_agent_is_added_and_removed(self, cast: Cast, crew: Crew) -> None:
        client = signed_in(cast.editor)
        client.post(f"{CREW}agents/", agent_fields(crew, key="editor", role="Editor"))
        assert [agent.key for agent in spec_of(crew).agents] == ["finance", "news", "lead", "editor"]
        client.post(f"{CREW}agents/editor/delete/", {"revision": Crew.objects.get(pk=crew.pk).revision})
        assert [agent.key for agent in spec_of(crew).agents] == ["finance", "news", "lead"]

    def test_a_taken_key_is_refused_at_the_key_with_what_was_typed(self, cast: Cast, crew: Crew) -> None:
        response = signed_in(cast.editor).post(f"{CREW}agents/", agent_fields(crew, key="news", role="Typed in vain?"))
        assert response.status_code == 422
        assert response.context["new_agent"].errors["key"] == ["This key is taken."]
        assert "Typed in vain?" in html(response)

    @pytest.mark.parametrize(
        ("field", "value"), [("key", "Not A Key"), ("temperature", "9"), ("max_iter", "0"), ("role", ""), ("model", "")]
    )
    def test_each_wrong_field_is_told_at_that_field(self, cast: Cast, crew: Crew, field: str, value: str) -> None:
        response = signed_in(cast.editor).post(f"{CREW}agents/finance/", agent_fields(crew, **{field: value}))
        assert response.status_code == 422
        form = response.context["agents"][0].form
        assert list(form.errors) == [field]

    def test_a_stale_edit_keeps_what_was_typed_and_saves_on_the_second_word(self, cast: Cast, crew: Crew) -> None:
        typed = agent_fields(crew, role="Mine")
        client = signed_in(cast.editor)
        client.post(f"{CREW}agents/finance/", agent_fields(crew, role="Theirs"))
        response = client.post(f"{CREW}agents/finance/", typed)
        assert response.status_code in (409, 422)
        page = html(response)
        assert "Mine" in page
        assert spec_of(crew).agents[0].role == "Theirs"
        again = client.post(f"{CREW}agents/finance/", typed | {"revision": Crew.objects.get(pk=crew.pk).revision})
        assert again.status_code == 302
        assert f'name="revision" value="{Crew.objects.get(pk=crew.pk).revision - 1}"' in page

    def test_only_editors_change_agents(self, cast: Cast, crew: Crew) -> None:
        response = signed_in(cast.runner).post(f"{CREW}agents/finance/", agent_fields(crew, role="Changed"))
        assert response.status_code == 403
        assert signed_in(cast.stranger).post(f"{CREW}agents/finance/", agent_fields(crew)).status_code == 404
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
        signed_in(cast.editor).post(f"{CREW}tasks/brief/", task_fields(crew, key="brief", **typed))
        assert spec_of(crew).tasks[2].context == context

    def test_chosen_needs_a_choice(self, cast: Cast, crew: Crew) -> None:
        response = signed_in(cast.editor).post(f"{CREW}tasks/brief/", task_fields(crew, key="brief", reads="chosen"))
        assert response.status_code == 422
        assert spec_of(crew).tasks[2].context == ("figures", "headlines")

    def test_a_task_is_added_moved_and_removed(self, cast: Cast, crew: Crew) -> None:
        client = signed_in(cast.editor)
        client.post(f"{CREW}tasks/", task_fields(crew, key="check"))
        client.post(f"{CREW}tasks/check/move/", {"to": "up", "revision": Crew.objects.get(pk=crew.pk).revision})
        assert [task.key for task in spec_of(crew).tasks] == ["figures", "headlines", "check", "brief"]
        client.post(f"{CREW}tasks/figures/delete/", {"revision": Crew.objects.get(pk=crew.pk).revision})
        assert spec_of(crew).tasks[-1].context == ("headlines",)

    def test_a_schema_that_is_not_json_is_told_at_its_field(self, cast: Cast, crew: Crew) -> None:
        response = signed_in(cast.editor).post(f"{CREW}tasks/figures/", task_fields(crew, output_schema="{not json"))
        assert response.status_code == 422
        form = response.context["tasks"][0].form
        assert list(form.errors) == ["output_schema"]
        assert "{not json" in html(response)

    def test_a_schema_is_kept(self, cast: Cast, crew: Crew) -> None:
        schema = {"type": "object", "properties": {"revenue": {"type": "number"}}}
        signed_in(cast.editor).post(f"{CREW}tasks/figures/", task_fields(crew, output_schema=json.dumps(schema)))
        assert spec_of(crew).tasks[0].output_schema == schema

    def test_moving_with_a_stale_revision_changes_nothing_and_says_so(self, cast: Cast, crew: Crew) -> None:
        response = signed_in(cast.editor).post(f"{CREW}tasks/brief/move/", {"to": "up", "revision": 999}, follow=True)
        assert "Somebody changed this crew" in html(response)
        assert [task.key for task in spec_of(crew).tasks] == ["figures", "headlines", "brief"]


class TestCrewItself:
    def test_its_own_fields_and_default_inputs_are_saved(self, cast: Cast, crew: Crew) -> None:
        typed = {"revision": crew.revision, "name": "Brief", "process": "parallel", "default.company": "Acme"}
        signed_in(cast.editor).post(f"{CREW}settings/", typed)
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
        text = client.get(f"{CREW}json/").context["text"]
        changed = json.loads(text) | {"process": "parallel"}
        client.post(f"{CREW}json/", {"spec": json.dumps(changed), "revision": crew.revision})
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
        response = signed_in(cast.editor).post(f"{CREW}json/", typed)
        assert response.status_code == 422
        assert response.context["error"]
        imported = signed_in(cast.editor).post(f"{CREWS}import/save/", typed, follow=True)
        assert "import" in imported.redirect_chain[0][0]
        assert Crew.objects.count() == 1

    @pytest.mark.parametrize("text", ["{", "[]", '{"name": "x", "colour": 1}', '{"name": ""}', "[" * 5000])
    def test_json_that_is_no_crew_is_told_and_kept(self, cast: Cast, crew: Crew, text: str) -> None:
        response = signed_in(cast.editor).post(f"{CREW}json/", {"spec": text, "revision": crew.revision})
        assert response.status_code == 422
        assert escape(text) in html(response)
        assert spec_of(Crew.objects.get(pk=crew.pk)).name == "Company brief"
