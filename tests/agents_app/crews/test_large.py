"""Crews at their limits are shown in a bounded time; larger ones are refused at every door, and open if they exist."""

from __future__ import annotations

import json
import time

import pytest
from django.db import transaction
from django.utils import timezone

from agents_app.actions import create_crew, cut_version
from agents_app.models import Crew, CrewVersion, Template
from agents_app.snapshot import spec_of, write_spec
from engine.spec.crew_spec import AgentSpec, CrewSpec, TaskSpec
from engine.spec.size import MAX_INPUTS, MAX_TASKS
from runs.launch.actions import launch
from runs.launch.order import LaunchOrder
from teams.actions import issue_token
from tests.cast import Cast
from tests.pages import CREW, CREWS, html, page_of, signed_in

pytestmark = pytest.mark.django_db

RUNAWAY_S = 6.0
"""Such pages took minutes. They take about a second, and more where each template that is drawn is recorded."""


def large(count: int, reads: int = 0) -> CrewSpec:
    tasks = tuple(
        TaskSpec(
            key=f"t{n}",
            description="Write {topic}.",
            agent=f"a{n % 20}",
            context=tuple(f"t{other}" for other in range(max(0, n - reads), n)),
        )
        for n in range(count)
    )
    agents = tuple(AgentSpec(key=f"a{n}", role=f"Role {n}") for n in range(20))
    return CrewSpec(name="Company brief", process="parallel", agents=agents, tasks=tasks)


def saved(cast: Cast, spec: CrewSpec) -> Crew:
    """A crew from before the limits."""
    crew = create_crew(cast.owner, name=spec.name)
    with transaction.atomic():
        write_spec(crew, spec)
    return crew


@pytest.mark.parametrize("path", ["", "launch/", "tasks/t1/", "versions/1/"])
def test_pages_of_a_crew_at_its_limits_do_not_run_away(cast: Cast, path: str) -> None:
    crew = create_crew(cast.owner, name="Company brief", spec=large(MAX_TASKS, reads=10))
    cut_version(crew, by=None)
    client = signed_in(cast.owner)
    began = time.thread_time()
    response = client.get(f"{CREW}{path}")
    assert time.thread_time() - began < RUNAWAY_S
    assert response.status_code == 200
    if path in ("", "versions/1/"):
        assert "Not drawn: 500 tasks are too many" in html(response)
        assert "<svg" not in html(response)


def test_the_page_of_a_run_of_500_tasks_does_not_run_away(cast: Cast) -> None:
    crew = create_crew(cast.owner, name="Company brief", spec=large(MAX_TASKS, reads=10))
    run = launch(cast.runner, crew, LaunchOrder(inputs={"topic": "bees"}))
    client = signed_in(cast.owner)
    began = time.thread_time()
    assert client.get(page_of(run)).status_code == 200
    assert time.thread_time() - began < RUNAWAY_S


def test_a_crew_from_before_the_limits_opens_and_may_shrink_but_not_grow(cast: Cast) -> None:
    crew = saved(cast, large(MAX_TASKS + 2))
    client = signed_in(cast.owner)
    page = html(client.get(CREW))
    assert "at most 500 tasks; here are 502" in page

    client.post(f"{CREW}tasks/t7/delete/", {"revision": crew.revision})
    crew.refresh_from_db()
    assert crew.tasks.count() == MAX_TASKS + 1

    grown = spec_of(crew).model_copy(update={"tasks": large(MAX_TASKS + 3).tasks})
    typed = {"revision": crew.revision, "spec": json.dumps(grown.to_json())}
    response = client.post(f"{CREW}json/", typed)
    assert response.status_code == 422
    assert "at most 500 tasks; here are 503" in html(response)


def test_a_crew_that_is_too_large_is_refused_by_api_and_import(cast: Cast) -> None:
    _, secret = issue_token(cast.owner, scope="admin")
    client = signed_in(cast.owner)
    body = large(MAX_TASKS + 1).to_json()
    bearer = {"HTTP_AUTHORIZATION": f"Bearer {secret}"}
    refused = client.post("/api/v1/crews", json.dumps(body), content_type="application/json", **bearer)
    assert refused.status_code == 422
    assert refused.json()["error"]["fields"] == {"tasks": "A crew has at most 500 tasks; here are 501."}

    source = {"source": json.dumps(body)}
    assert "at most 500 tasks" in client.post("/api/v1/crews/import", source, "application/json", **bearer).text
    assert "at most 500 tasks" in html(client.post(f"{CREWS}import/", source))
    client.post(f"{CREWS}import/save/", {"name": "x", "spec": json.dumps(body)})
    assert not Crew.objects.filter(team=cast.team).exists()


def test_the_copy_of_a_crew_that_is_too_large_is_refused_on_the_page(cast: Cast) -> None:
    crew = create_crew(cast.owner, name="Company brief", spec=large(1))
    before = large(MAX_TASKS + 1)
    kept = {"spec": before.to_json(), "content_hash": before.content_hash, "shared_at": timezone.now()}
    version = CrewVersion.objects.create(crew=crew, number=1, **kept)
    template = Template.objects.create(crew=crew, version=version, title="Large")
    with transaction.atomic():
        write_spec(crew, before)
    client = signed_in(cast.owner)
    for origin in (CREW, f"/t/acme/templates/{template.pk}/"):
        refused = client.post(f"{origin}copy/")
        assert (refused.status_code, refused["Location"]) == (302, origin)
        assert "at most 500 tasks; here are 501" in html(client.get(CREWS))
    assert Crew.objects.filter(team=cast.team).count() == 1


def test_more_inputs_than_a_form_can_hold_are_refused_at_the_form(cast: Cast) -> None:
    crew = create_crew(cast.owner, name="Company brief", spec=large(1))
    text = " ".join(f"{{name{n}}}" for n in range(MAX_INPUTS + 1))
    typed = {"revision": crew.revision, "key": "t0", "description": text, "agent": "a0", "reads": "unset"}
    response = signed_in(cast.owner).post(f"{CREW}tasks/t0/", typed | {"guardrail_max_retries": 3})
    assert response.status_code == 422
    assert "A crew takes at most 200 inputs; here are 201." in html(response)


def test_the_list_of_crews_counts_without_multiplying_rows(cast: Cast) -> None:
    crew = create_crew(cast.owner, name="Company brief", spec=large(30))
    for note in range(3):
        cut_version(crew, by=None)
        crew.agents.filter(key="a0").update(goal=f"Goal {note}")
    page = html(signed_in(cast.owner).get(CREWS))
    assert '<td class="n" data-label="Agents">20</td>' in page
    assert '<td class="n" data-label="Tasks">30</td>' in page
    assert ">v3</td>" in page


@pytest.mark.parametrize("name", ["Two\nlines", "Two\r\nlines"])
def test_a_name_with_a_line_break_is_refused_at_every_door(cast: Cast, name: str) -> None:
    _, secret = issue_token(cast.owner, scope="admin")
    bearer = {"HTTP_AUTHORIZATION": f"Bearer {secret}"}
    client = signed_in(cast.owner)
    body = large(1).to_json() | {"name": name}
    refused = client.post("/api/v1/crews", json.dumps(body), content_type="application/json", **bearer)
    assert refused.json()["error"]["fields"] == {"name": "A name stands on one line. Take the line break out."}
    page = client.post(f"{CREWS}new/", {"name": name})
    assert page.status_code == 422
    assert "A name stands on one line" in html(page)


def test_line_ends_that_a_browser_sends_do_not_change_a_text(cast: Cast) -> None:
    crew = create_crew(cast.owner, name="Company brief", spec=large(1))
    typed = {"revision": crew.revision, "key": "t0", "description": "One\r\nTwo", "agent": "a0", "reads": "unset"}
    signed_in(cast.owner).post(f"{CREW}tasks/t0/", typed | {"guardrail_max_retries": 3})
    assert crew.tasks.get().description == "One\nTwo"
