"""What every answer carries: the policy, error pages and the API's errors in its one shape."""

from __future__ import annotations

import pytest
from django.test import Client

from runs.states import RunState
from tests.cast import Cast, make_crew
from tests.ledger import make_run

pytestmark = pytest.mark.django_db


@pytest.fixture
def owner(cast: Cast) -> Client:
    client = Client()
    client.force_login(cast.owner.user)
    return client


def test_pages_forbid_inline_script_eval_and_framing(owner: Client) -> None:
    headers = owner.get("/t/acme/crews/").headers
    policy = headers["Content-Security-Policy"]
    assert "unsafe" not in policy
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(
    "path",
    [
        "crews",
        "crews/new",
        "crews/import",
        "runs",
        "templates",
        "knowledge",
        "workers",
        "settings/people",
        "settings/providers",
    ],
    ids=lambda path: path,
)
def test_no_page_holds_inline_script_or_style(owner: Client, path: str) -> None:
    html = owner.get(f"/t/acme/{path}/").content.decode()
    assert "<script>" not in html
    assert " style=" not in html
    assert " onclick=" not in html


def test_a_missing_page_says_so_in_words(owner: Client) -> None:
    answer = owner.get("/t/acme/crews/no-such-crew/")
    assert answer.status_code == 404
    assert "There is no such thing here, or it is not yours." in answer.content.decode()


def test_what_an_action_refuses_and_no_form_shows_is_a_page_in_words(cast: Cast, owner: Client) -> None:
    run = make_run(cast.owner, make_crew(cast.owner), state=RunState.RUNNING)
    answer = owner.post(f"/t/acme/runs/{run.pk}/rating/", {"take_back": "1"})
    assert answer.status_code == 409
    assert "This run has not ended yet." in answer.content.decode()


def test_errors_under_the_api_have_its_shape(cast: Cast) -> None:
    answer = Client().get("/api/v1/no-such-thing")
    assert answer.status_code == 404
    assert answer.json()["error"]["code"] == "not_found"


def test_a_form_without_its_token_is_refused_in_words(cast: Cast) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(cast.owner.user)
    answer = client.post("/t/acme/crews/new/", {"name": "x"})
    assert answer.status_code == 403
    assert "reload it, and send again" in answer.content.decode()


def test_strangers_and_the_signed_out_learn_nothing(cast: Cast) -> None:
    stranger = Client()
    stranger.force_login(cast.stranger.user)
    assert stranger.get("/t/acme/crews/").status_code == 404
    signed_out = Client().get("/t/acme/crews/")
    assert signed_out.status_code == 302
    assert signed_out.headers["Location"].startswith("/signin/")


@pytest.mark.parametrize("key", ["' OR 1=1 --", "a" * 5000, ""])
def test_a_cookie_that_can_be_no_session_is_none(key: str) -> None:
    answer = Client(headers={"cookie": f'crewsite_session="{key}"'}).get("/")
    assert answer.status_code == 302
    assert answer.headers["Location"].startswith("/signin/")
