"""A member's inbox by API: as its page shows it, of the token's person alone."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client

from agents_app.models import Crew
from runs.comments.actions import comment
from runs.inbox import queries
from runs.inbox.mail import mail_of
from runs.models import InboxChoice, InboxEntry, InboxMail
from runs.notices.alerts import head_of
from runs.telling.subjects import about_crew
from teams.access import Principal
from teams.actions import issue_token
from teams.models import Role, Scope
from teams.programs.actions import make_program
from tests.cast import Cast
from tests.pages import html, signed_in

pytestmark = pytest.mark.django_db


def api(who: Principal, scope: str = Scope.RUN, **options: Any) -> Client:
    return Client(headers={"Authorization": f"Bearer {issue_token(who, scope=scope, **options)[1]}"})


def put(client: Client, body: Any) -> Any:
    return client.put("/api/v1/inbox/choice", json.dumps(body), content_type="application/json")


def test_what_one_is_told_is_listed_counted_and_put_away(
    cast: Cast, crew: Crew, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.PUBLIC_URL = "https://crews.example.com"
    client = api(cast.owner)
    assert client.get("/api/v1/inbox").json() == {"items": [], "next": None, "unread": 0}
    written = [comment(cast.viewer, about_crew(crew), f"<b>{number}</b> @owner@example.com") for number in range(3)]
    listed = client.get("/api/v1/inbox").json()
    newest = listed["items"][0]
    assert newest | {"id": 0, "made_at": ""} == {
        "id": 0,
        "kind": "mention",
        "text": "viewer@example.com named you in a comment on Company brief",
        "person": "viewer@example.com",
        "excerpt": "<b>2</b> @owner@example.com",
        "url": f"https://crews.example.com/t/acme/crews/company-brief/#comment-{written[2].pk}",
        "made_at": "",
        "new": True,
    }
    assert (listed["unread"], client.get("/api/v1/inbox/unread").json()) == (3, {"unread": 3})
    monkeypatch.setattr(queries, "SHOWN", 2)
    first = client.get("/api/v1/inbox").json()
    rest = client.get(f"/api/v1/inbox?before={first['next']}").json()
    assert [one["excerpt"][3] for one in first["items"] + rest["items"]] == ["2", "1", "0"]
    assert rest["next"] is None
    assert client.post(f"/api/v1/inbox/{newest['id']}/read").status_code == 204
    assert client.post(f"/api/v1/inbox/{newest['id']}/read").status_code == 204
    new = client.get("/api/v1/inbox?new=true").json()
    assert ([one["excerpt"][3] for one in new["items"]], new["unread"]) == (["1", "0"], 2)
    assert client.post("/api/v1/inbox/read").json() == {"read": 2}
    assert head_of(cast.owner).unread == 0


def test_an_inbox_is_its_persons_and_a_token_to_read_puts_nothing_away(cast: Cast, crew: Crew) -> None:
    comment(cast.viewer, about_crew(crew), "Look")
    entry = InboxEntry.objects.get()
    assert entry.user == cast.owner.user
    for who in (cast.runner, cast.stranger):
        assert api(who).get("/api/v1/inbox").json()["items"] == []
        assert api(who).post(f"/api/v1/inbox/{entry.pk}/read").status_code == 404
        assert api(who).post("/api/v1/inbox/read").json() == {"read": 0}
    reader = api(cast.owner, Scope.READ)
    assert reader.get("/api/v1/inbox").json()["unread"] == 1
    assert reader.post(f"/api/v1/inbox/{entry.pk}/read").status_code == 403
    assert reader.post("/api/v1/inbox/read").status_code == 403
    assert put(reader, {"wish": "all", "by_mail": False}).status_code == 403
    entry.refresh_from_db()
    assert entry.read_at is None


def test_the_choice_is_made_and_read(cast: Cast) -> None:
    client = api(cast.owner)
    assert client.get("/api/v1/inbox/choice").json() == {"wish": "mine", "by_mail": True}
    assert put(client, {"wish": "all", "by_mail": False}).json() == {"wish": "all", "by_mail": False}
    assert client.get("/api/v1/inbox/choice").json() == {"wish": "all", "by_mail": False}
    for body in ({"wish": "everything", "by_mail": True}, {"wish": "all"}, {"wish": "all", "by_mail": "no"}, []):
        assert put(client, body).status_code == 422
    program = make_program(cast.owner, name="Nightly", role=Role.RUNNER)
    machine = api(cast.owner, program=program)
    assert put(machine, {"wish": "all", "by_mail": False}).status_code == 422
    assert InboxChoice.objects.count() == 1


def test_a_mail_is_named_by_this_installations_host(cast: Cast, crew: Crew, settings: Any) -> None:
    settings.PUBLIC_URL = "https://crews.example.com:8443"
    comment(cast.viewer, about_crew(crew), "Look")
    row = InboxMail.objects.create(team=cast.team, user=cast.owner.user)
    InboxEntry.objects.update(mail=row)
    ids = [made.extra_headers["Message-ID"] for made in (mail_of(row), mail_of(row)) if made]
    assert len(ids) == 2
    assert ids[0] == ids[1]
    assert ids[0].endswith("@crews.example.com>")


def test_the_log_leads_to_a_comment_that_is_there(cast: Cast, crew: Crew) -> None:
    kept, gone = (comment(cast.owner, about_crew(crew), text) for text in ("Kept", "Gone"))
    address = f"/t/acme/crews/company-brief/#comment-{kept.pk}"
    other = f"/t/acme/crews/company-brief/#comment-{gone.pk}"
    client = signed_in(cast.owner)
    assert f'href="{other}"' in html(client.get("/t/acme/settings/log/"))
    gone.delete()
    page = html(client.get("/t/acme/settings/log/"))
    assert f'href="{address}"' in page
    assert f'href="{other}"' not in page
