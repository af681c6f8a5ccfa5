"""Every attribute of a spec can be set by form and comes back as it was: a form that is sent unchanged changes nothing,
and settings of tools are read, complained about and kept at their own fields."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client
from django.utils.html import escape

from agents_app.actions import replace_spec
from agents_app.models import Crew
from agents_app.snapshot import spec_of
from engine.spec.crew_spec import (
    AgentSpec,
    Condition,
    CrewSpec,
    LengthGuardrail,
    LLMSpec,
    QuestionGuardrail,
    TaskSpec,
    ToolSpec,
)
from tests.cast import Cast, brief_spec, make_crew, maker_of
from tests.pages import html, signed_in

pytestmark = pytest.mark.django_db
PAGE = "/t/acme/crews/company-brief/"
LLM = LLMSpec(
    model="gpt-4o",
    temperature=0.3,
    top_p=0.9,
    max_tokens=900,
    stop=("END", "STOP"),
    seed=7,
    reasoning_effort="low",
    timeout_s=120,
    fallbacks=("gpt-4o-mini",),
    credential="research",
    cache_ttl_s=3600,
)
TOOLS = (
    ToolSpec(name="http_request", config={"allowed_hosts": ["api.example.com"], "methods": ["GET", "POST"]}),
    ToolSpec(name="mcp", config={"url": "https://example.com/mcp", "tools": ["find"], "credential": "mcp-token"}),
    ToolSpec(name="knowledge_search", config={"collections": ["handbook"], "cache_ttl_s": 60}),
    ToolSpec(name="scrape_website", config={"website_url": "https://example.com"}),
    ToolSpec(name="calculator"),
)
AGENT = AgentSpec(
    key="finance",
    role="Analyst of {company}",
    goal="Figures",
    backstory="Careful",
    llm=LLM,
    tools=TOOLS,
    allow_delegation=True,
    cache=False,
    max_iter=5,
    max_rpm=30,
    max_execution_time_s=90,
    max_retry_limit=4,
    respect_context_window=False,
)
TASK = TaskSpec(
    key="brief",
    name="The brief",
    description="Write about {company}.",
    expected_output="One page",
    agent="finance",
    context=("figures",),
    async_execution=True,
    output_schema={"type": "object"},
    tools=TOOLS[:1],
    guardrails=(
        LengthGuardrail(max_words=300),
        QuestionGuardrail(question="Does it name its sources?", llm=LLMSpec(model="gpt-4o", temperature=0)),
        QuestionGuardrail(question="Is it polite?"),
    ),
    guardrail_max_retries=1,
    human_input=True,
    condition=Condition(task="figures", contains="revenue", negate=True),
    markdown=True,
)


class Fields(HTMLParser):
    """What a browser would send of the form that posts to ``action``."""

    def __init__(self, action: str) -> None:
        super().__init__()
        self._action = action
        self._inside = False
        self._text = self._select = ""
        self.sent: dict[str, Any] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "form":
            self._inside = given.get("action") == self._action
        name = given.get("name") or ""
        if not self._inside:
            return
        if tag == "input" and name and (given.get("type") not in ("checkbox", "radio") or "checked" in given):
            self.sent.setdefault(name, []).append(given.get("value") or ("on" if "checked" in given else ""))
        elif tag == "textarea":
            self._text = name
            self.sent[name] = [""]
        elif tag == "select":
            self._select = name
        elif tag == "option" and "selected" in given:
            self.sent[self._select] = [given.get("value") or ""]

    def handle_endtag(self, tag: str) -> None:
        self._text = "" if tag == "textarea" else self._text

    def handle_data(self, data: str) -> None:
        if self._inside and self._text:
            self.sent[self._text][0] += data.removeprefix("\n")


@pytest.fixture
def crew(cast: Cast) -> Crew:
    made = make_crew(cast.owner)
    spec = brief_spec()
    full = spec.model_copy(
        update={
            "agents": (AGENT, *spec.agents[1:]),
            "tasks": (spec.tasks[0], spec.tasks[1], TASK),
            "process": "hierarchical",
            "manager_llm": LLM,
            "manager_agent": "lead",
            "planning": True,
            "planning_llm": LLMSpec(model="o3", reasoning_effort="high"),
            "max_rpm": 60,
            "inputs": {"company": "Acme"},
        }
    )
    return replace_spec(maker_of(made), made, expected_revision=made.revision, spec=full)


def sent_by(client: Client, path: str) -> dict[str, Any]:
    action = f"{PAGE}settings/" if path == PAGE else path
    fields = Fields(action)
    fields.feed(html(client.get(path)))
    return {name: values for name, values in fields.sent.items() if name != "csrfmiddlewaretoken"}


@pytest.mark.parametrize("path", [f"{PAGE}agents/finance/", f"{PAGE}tasks/brief/", PAGE])
def test_a_form_that_is_sent_as_it_came_changes_nothing(cast: Cast, crew: Crew, path: str) -> None:
    client = signed_in(cast.editor)
    before = spec_of(crew)
    response = client.post(f"{PAGE}settings/" if path == PAGE else path, sent_by(client, path))
    assert response.status_code == 302
    after = spec_of(Crew.objects.get(pk=crew.pk))
    assert after.to_json() == before.to_json()
    assert after.content_hash == before.content_hash


def test_what_every_form_shows_is_every_attribute(cast: Cast, crew: Crew) -> None:
    client = signed_in(cast.editor)
    agent = set(sent_by(client, f"{PAGE}agents/finance/"))
    unticked = {"cache", "respect_context_window", "memory", "stream"}
    assert {*AgentSpec.model_fields, *LLMSpec.model_fields} - {"llm"} <= agent | unticked
    page = client.get(f"{PAGE}agents/finance/").content.decode()
    assert all(f'name="{name}"' in page for name in unticked)
    task = set(sent_by(client, f"{PAGE}tasks/brief/"))
    assert set(TaskSpec.model_fields) <= task
    own = set(sent_by(client, PAGE))
    assert set(CrewSpec.model_fields) - {"agents", "tasks", "inputs"} <= own


class TestCrew:
    def post(self, cast: Cast, crew: Crew, **typed: Any) -> HttpResponse:
        client = signed_in(cast.editor)
        return client.post(f"{PAGE}settings/", sent_by(client, PAGE) | typed)  # type: ignore[return-value]

    def test_a_manager_with_a_model_of_its_own(self, cast: Cast, crew: Crew) -> None:
        self.post(cast, crew, manager_agent="", manager_llm="gpt-4.1", manager_llm_rest="")
        spec = spec_of(Crew.objects.get(pk=crew.pk))
        assert (spec.manager_agent, spec.manager_llm) == (None, LLMSpec(model="gpt-4.1"))

    def test_planning_is_turned_off_and_its_model_taken_away(self, cast: Cast, crew: Crew) -> None:
        client = signed_in(cast.editor)
        typed = sent_by(client, PAGE) | {"planning_llm": "", "planning_llm_rest": ""}
        typed.pop("planning")
        client.post(f"{PAGE}settings/", typed)
        spec = spec_of(Crew.objects.get(pk=crew.pk))
        assert (spec.planning, spec.planning_llm) == (False, None)

    @pytest.mark.parametrize(
        ("typed", "field"),
        [
            ({"manager_llm_rest": '{"temperature": 9}'}, "manager_llm_rest"),
            ({"manager_llm_rest": '{"colour": 1}'}, "manager_llm_rest"),
            ({"manager_llm_rest": "{"}, "manager_llm_rest"),
            ({"manager_llm": ""}, "manager_llm"),
            ({"process": "chaotic"}, "process"),
        ],
    )
    def test_what_does_not_fit_is_told_at_its_field_and_kept(
        self, cast: Cast, crew: Crew, typed: dict[str, str], field: str
    ) -> None:
        response = self.post(cast, crew, **typed)
        assert response.status_code == 422
        assert list(response.context["crew_form"].errors) == [field]
        for text in typed.values():
            assert escape(text) in html(response)

    def test_without_a_manager_it_says_so_at_the_field(self, cast: Cast, crew: Crew) -> None:
        self.post(cast, crew, manager_agent="", manager_llm="", manager_llm_rest="")
        page = html(signed_in(cast.editor).get(PAGE))
        assert f'href="{"#at-id_crew_manager_llm"}"' in page
        assert 'id="at-id_crew_manager_llm"' in page
        assert page.count("Choose the manager&#x27;s model, or an agent as manager.") == 2


class TestTask:
    def post(self, cast: Cast, **typed: Any) -> HttpResponse:
        client = signed_in(cast.editor)
        return client.post(f"{PAGE}tasks/brief/", sent_by(client, f"{PAGE}tasks/brief/") | typed)  # type: ignore[return-value]

    def test_a_question_is_taken_away_and_the_other_guardrails_stay(self, cast: Cast, crew: Crew) -> None:
        self.post(cast, question="", question_llm="", question_llm_rest="")
        rails = spec_of(Crew.objects.get(pk=crew.pk)).tasks[2].guardrails
        assert rails == (TASK.guardrails[0], TASK.guardrails[2])

    def test_a_model_without_a_question_is_told(self, cast: Cast, crew: Crew) -> None:
        response = self.post(cast, question="")
        assert response.status_code == 422
        assert "Write the question for this model" in html(response)

    def test_approval_and_reuse_at_once_are_told_at_the_field(self, cast: Cast, crew: Crew) -> None:
        self.post(cast, cache_ttl_s="60")
        page = html(signed_in(cast.editor).get(f"{PAGE}tasks/brief/"))
        assert spec_of(Crew.objects.get(pk=crew.pk)).tasks[2].cache_ttl_s == 60
        assert "An output that a person approved is not taken over" in page


class TestTools:
    def post(self, cast: Cast, **typed: Any) -> HttpResponse:
        client = signed_in(cast.editor)
        return client.post(f"{PAGE}agents/finance/", sent_by(client, f"{PAGE}agents/finance/") | typed)  # type: ignore[return-value]

    def config(self, crew: Crew, tool: str) -> dict[str, Any]:
        (found,) = (one for one in spec_of(Crew.objects.get(pk=crew.pk)).agents[0].tools if one.name == tool)
        return dict(found.config)

    def test_each_setting_is_read_from_its_field(self, cast: Cast, crew: Crew) -> None:
        typed = {
            "tool.http_request.allowed_hosts": "api.example.com, *.example.org",
            "tool.http_request.methods": ["DELETE"],
            "tool.http_request.cache_ttl_s": "300",
            "tool.mcp.tools": "",
            "tool.scrape_website.website_url": "",
        }
        assert self.post(cast, **typed).status_code == 302
        assert self.config(crew, "http_request") == {
            "allowed_hosts": ["api.example.com", "*.example.org"],
            "methods": ["DELETE"],
            "cache_ttl_s": 300,
        }
        assert self.config(crew, "mcp") == {"url": "https://example.com/mcp", "credential": "mcp-token"}
        assert self.config(crew, "scrape_website") == {}

    def test_asking_a_person_is_switched_off_by_a_tick_and_on_again(self, cast: Cast, crew: Crew) -> None:
        before = self.config(crew, "http_request")
        self.post(cast, **{"tool.http_request.without_approval": "on"})
        assert self.config(crew, "http_request") == before | {"without_approval": True}
        page = html(signed_in(cast.editor).get(f"{PAGE}agents/finance/"))
        assert "Send without a person&#x27;s approval" in page
        self.post(cast)
        assert self.config(crew, "http_request") == before | {"without_approval": True}, "it is kept with the rest"
        self.post(cast, **{"tool.http_request.without_approval": ""})
        assert self.config(crew, "http_request") == before

    def test_a_fault_is_told_at_the_setting_that_it_is_about(self, cast: Cast, crew: Crew) -> None:
        typed = {
            "tool.http_request.allowed_hosts": "https://example.com/",
            "tool.mcp.url": "example.com",
            "tool.scrape_website.website_url": "nonsense",
        }
        assert self.post(cast, **typed).status_code == 302
        response = signed_in(cast.editor).get(f"{PAGE}agents/finance/")
        (form,) = (line.form for line in response.context["agents"] if line.part.key == "finance")
        assert {name for name, complaints in form.complaints.items() if complaints} == set(typed)
        assert {row.name for row in form.tool_rows() if row.is_open} == {"http_request", "mcp", "scrape_website"}
        assert "is not a host name" in html(response)

    @pytest.mark.parametrize(
        ("field", "value"),
        [("tool.calculator.cache_ttl_s", "soon"), ("tool.mcp.other", "{"), ("tool.http_request.methods", "BREW")],
    )
    def test_what_cannot_be_read_is_told_and_kept(self, cast: Cast, crew: Crew, field: str, value: str) -> None:
        response = self.post(cast, **{field: value, "role": "Typed in vain?"})
        assert response.status_code == 422
        assert "Typed in vain?" in html(response)
        (form,) = (line.form for line in response.context["agents"] if line.part.key == "finance")
        assert list(form.errors) == [field]

    def test_settings_without_a_field_are_shown_as_json_and_kept(self, cast: Cast, crew: Crew) -> None:
        spec = spec_of(crew)
        odd = (
            ToolSpec(name="http_request", config={"allowed_hosts": "one", "colour": 1}),
            ToolSpec(name="mine", config={"a": 1}),
        )
        agents = (AGENT.model_copy(update={"tools": odd}), *spec.agents[1:])
        replace_spec(
            maker_of(crew), crew, expected_revision=crew.revision, spec=spec.model_copy(update={"agents": agents})
        )
        assert self.post(cast).status_code == 302
        assert spec_of(Crew.objects.get(pk=crew.pk)).agents[0].tools == odd
        other = {"allowed_hosts": ["example.com"]}
        self.post(cast, **{"tool.http_request.other": json.dumps(other)})
        assert self.config(crew, "http_request") == other

    def test_a_viewer_sees_who_manages_and_what_is_checked(self, cast: Cast, crew: Crew) -> None:
        page = html(signed_in(cast.viewer).get(PAGE))
        for text in ("managed by lead", "planned first by o3", "a person approves", "Does it name its sources?"):
            assert text in page
