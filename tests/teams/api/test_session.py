"""The API read with a session, as the reference page does: by a header, as a viewer, and nothing is changed by it."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from teams.actions import issue_token
from teams.api.bearer import TEAM_HEADER
from teams.models import Membership, Role, Team
from teams.rights import Right, still_held
from tests.hostile.rows import Rows, make_rows
from tests.hostile.test_matrix import BODIES, ask, operations
from tests.made_once import made_once
from tests.pages import signed_in

pytestmark = pytest.mark.django_db

rows = made_once(make_rows)
ACME = {TEAM_HEADER: "acme"}


def reader(who: Any, team: str = "acme") -> Client:
    """Signed in, and sends the header with every request; whoever forges one is held to CSRF as a browser is."""
    client = signed_in(who)
    client.defaults[f"HTTP_{TEAM_HEADER.upper().replace('-', '_')}"] = team
    return client


def test_it_reads_whatever_viewers_read_and_changes_nothing(rows: Rows) -> None:
    owner, viewer, wrong = reader(rows.cast.owner), reader(rows.cast.viewer), []
    for operation in operations():
        given = rows.parameters(operation.names, operation.name, operation.method)
        path, body = operation.at(given), BODIES.get(operation.name)
        reads = operation.method == "GET" and operation.role == Role.VIEWER
        for client in (owner, viewer):
            answer = ask(client, operation.method, path, body)
            if (answer.status_code == 401) == reads:
                wrong.append((operation.name, answer.status_code))
    assert wrong == []
    answer = owner.get("/api/v1/members").json()
    assert answer == viewer.get("/api/v1/members").json(), "an owner is a viewer there"


def test_who_reads_and_in_which_team(rows: Rows, subtests: Any) -> None:
    cast = rows.cast
    answers = {
        "signed out": (Client(headers=ACME), 401),
        "no team": (signed_in(cast.owner), 401),
        "a stranger": (reader(cast.stranger), 404),
        "no such team": (reader(cast.owner, "nowhere"), 404),
        "no text": (reader(cast.owner, "a\x01"), 404),
        "a viewer": (reader(cast.viewer), 200),
    }
    for name, (client, status) in answers.items():
        with subtests.test(name):
            assert client.get("/api/v1/team").status_code == status
    with subtests.test("head"):
        assert reader(cast.viewer).head("/api/v1/team").status_code == 200
    with subtests.test("a token that is sent counts alone"):
        bad = reader(cast.owner).get("/api/v1/team", headers={"Authorization": "Bearer crew_nonsense"})
        assert bad.status_code == 401
        secret = issue_token(cast.owner)[1]
        both = reader(cast.owner, "others").get("/api/v1/tokens", headers={"Authorization": f"Bearer {secret}"})
        assert [one["is_this"] for one in both.json()["items"]].count(True) == 1
        assert not any(one["is_this"] for one in reader(cast.owner).get("/api/v1/tokens").json()["items"])
    with subtests.test("a team that demands a second step"):
        Team.objects.filter(pk=cast.team.pk).update(wants_second_step=True)
        assert reader(cast.viewer).get("/api/v1/team").status_code == 403


def test_a_file_ends_with_the_session_or_another_role(rows: Rows) -> None:
    cast = rows.cast
    client = reader(cast.editor)
    assert client.get("/api/v1/runs/file").status_code == 200
    key = client.session.session_key or ""
    right = Right(cast.editor.user.pk, cast.team.pk, Role.EDITOR, session_key=key)
    assert still_held([right]) == {right}
    Membership.objects.filter(user=cast.editor.user).update(role=Role.VIEWER)
    assert still_held([right]) == set()
    client.logout()
    assert client.get("/api/v1/runs/file").status_code == 401
