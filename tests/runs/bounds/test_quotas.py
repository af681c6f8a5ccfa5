"""How often a member may launch: so many in any window, on the page as by the API, however many ask at once."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from agents_app.models import Crew
from runs.bounds import quotas
from runs.models import Run
from runs.states import RunState
from teams.access import Principal
from teams.actions import issue_token
from teams.models import Team
from tests.cast import Cast, make_cast, make_crew
from tests.ledger import make_run

pytestmark = pytest.mark.django_db

API = "/api/v1/crews/company-brief/runs"
PAGE = "/t/acme/crews/company-brief/launch/"
SAID = "You have launched 2 runs in the last hour, and your team lets each member launch 2."


def quota(cast: Cast, launches: int, *, window_s: int = 3600) -> None:
    Team.objects.filter(pk=cast.team.pk).update(launch_quota=launches, launch_window_s=window_s)
    cast.team.refresh_from_db()


def api(who: Principal) -> Client:
    return Client(headers={"Authorization": f"Bearer {issue_token(who)[1]}"})


def post(client: Client, *, key: str = "") -> Any:
    headers = {"Idempotency-Key": key} if key else {}
    body = json.dumps({"inputs": {"company": "Initech"}})
    return client.post(API, body, content_type="application/json", headers=headers)


def launched_ago(cast: Cast, crew: Crew, **ago: float) -> None:
    run = make_run(cast.runner, crew)
    Run.objects.filter(pk=run.pk).update(created_at=timezone.now() - timedelta(**ago))


def test_one_launch_too_many_is_429_and_says_when_it_may_be_made(cast: Cast, crew: Crew) -> None:
    quota(cast, 2)
    client = api(cast.runner)
    assert [post(client).status_code for _ in range(2)] == [202, 202]
    refused = post(client)
    assert refused.status_code == 429
    assert 3590 < int(refused["Retry-After"]) <= 3600
    error = refused.json()["error"]
    assert error["code"] == "quota_exceeded"
    assert error["message"] == f"{SAID} Nothing was launched; try again in 1 hour."
    assert Run.objects.count() == 2


def test_the_page_says_the_same_and_keeps_what_was_typed(cast: Cast, crew: Crew) -> None:
    quota(cast, 2)
    client = Client()
    client.force_login(cast.runner.user)
    typed = {"inputs.company": "Initech & Sons", "simulated": "yes", "priority": "high", "budget_usd": "1.50"}
    for _ in range(2):
        assert client.post(PAGE, typed | {"key": str(uuid4())}).status_code == 302
    refused = client.post(PAGE, typed | {"key": str(uuid4())})
    assert refused.status_code == 429
    assert 3590 < int(refused["Retry-After"]) <= 3600
    html = refused.content.decode()
    assert SAID in html
    assert "Initech &amp; Sons" in html
    assert 'value="1.50"' in html
    assert refused.context["page"].form["priority"].value() == "high"


def test_the_window_slides(cast: Cast, crew: Crew) -> None:
    quota(cast, 2)
    launched_ago(cast, crew, minutes=59)
    launched_ago(cast, crew, minutes=61)
    client = api(cast.runner)
    assert post(client).status_code == 202
    refused = post(client)
    assert refused.status_code == 429
    assert 50 < int(refused["Retry-After"]) <= 60, "until the one of 59 minutes ago has left the window"


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (1, "1 second"),
        (60, "1 minute"),
        (119, "119 seconds"),
        (121, "3 minutes"),
        (3_563, "1 hour"),
        (7_201, "3 hours"),
        (200_000, "3 days"),
    ],
)
def test_a_wait_is_said_as_people_reckon_it_and_never_too_short(seconds: int, said: str) -> None:
    assert quotas._roughly(seconds) == said


def test_one_member_launches_are_not_another_s(cast: Cast, crew: Crew) -> None:
    quota(cast, 1)
    assert post(api(cast.runner)).status_code == 202
    assert post(api(cast.editor)).status_code == 202
    assert post(api(cast.runner)).status_code == 429


def test_without_a_quota_anybody_launches(cast: Cast, crew: Crew) -> None:
    client = api(cast.runner)
    assert {post(client).status_code for _ in range(5)} == {202}


def test_a_launch_that_is_refused_for_another_reason_counts_for_nothing(cast: Cast, crew: Crew) -> None:
    quota(cast, 1)
    client = api(cast.runner)
    assert client.post(API, json.dumps({"inputs": {}}), content_type="application/json").status_code == 422
    assert post(client).status_code == 202


def test_a_repeated_key_gives_the_same_run_also_once_the_quota_is_used_up(cast: Cast, crew: Crew) -> None:
    quota(cast, 1)
    client = api(cast.runner)
    first, again = post(client, key="one"), post(client, key="one")
    assert (first.status_code, again.status_code) == (202, 202)
    assert first.json()["id"] == again.json()["id"]
    assert post(client, key="two").status_code == 429


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("same_key", [False, True])
def test_twenty_at_once_never_exceed_it(transactional_db: None, same_key: bool) -> None:
    cast = make_cast()
    make_crew(cast.owner)
    quota(cast, 1 if same_key else 7)
    secret = issue_token(cast.runner)[1]

    def launch(number: int) -> Any:
        try:
            client = Client(headers={"Authorization": f"Bearer {secret}"})
            return post(client, key="the same" if same_key else f"key {number}")
        finally:
            connection.close()

    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(launch, range(20)))
    statuses = sorted(answer.status_code for answer in answers)
    if same_key:
        assert statuses == [202] * 20
        assert len({answer.json()["id"] for answer in answers}) == 1
    else:
        assert statuses == [202] * 7 + [429] * 13
        assert all(int(answer["Retry-After"]) > 0 for answer in answers if answer.status_code == 429)
    assert Run.objects.filter(state=RunState.QUEUED).count() == (1 if same_key else 7)
