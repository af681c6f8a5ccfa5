"""What a launch reads: the team's provider keys once, and the crew's spec once."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from engine.spec.crew_spec import CrewSpec
from runs.launch.actions import launch
from runs.launch.order import LaunchOrder
from teams.actions import add_provider
from tests.cast import Cast, make_cast, make_crew

pytestmark = pytest.mark.django_db


@pytest.fixture
def cast() -> Cast:
    made = make_cast()
    add_provider(made.owner, provider="openai", api_key="k")
    return made


def reads_of_keys(queries: CaptureQueriesContext) -> int:
    return sum('FROM "teams_providerkey"' in query["sql"] for query in queries)


def test_a_launch_reads_keys_and_spec_once(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    parsed: list[Any] = []
    from_json = CrewSpec.from_json
    monkeypatch.setattr(CrewSpec, "from_json", lambda spec: parsed.append(spec) or from_json(spec))
    with CaptureQueriesContext(connection) as queries:
        launch(cast.runner, make_crew(cast.owner), LaunchOrder(inputs={"company": "Acme"}))
    assert (len(parsed), reads_of_keys(queries)) == (1, 1)


def test_the_page_and_an_accepted_form_read_the_keys_once(cast: Cast) -> None:
    crew = make_crew(cast.owner)
    client = Client()
    client.force_login(cast.runner.user)
    address = f"/t/acme/crews/{crew.slug}/launch/"
    with CaptureQueriesContext(connection) as queries:
        form = client.get(address).context["page"].form
    assert reads_of_keys(queries) == 1
    order = {"inputs.company": "Acme", "simulated": "no", "priority": "normal", "key": form["key"].value()}
    with CaptureQueriesContext(connection) as queries:
        assert client.post(address, order).status_code == 302
    assert reads_of_keys(queries) == 1
