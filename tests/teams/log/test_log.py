"""The log says who did what from where, nobody changes it, and it goes after thirteen months."""

from __future__ import annotations

import csv
import io
import json
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.utils import timezone

from teams import leftovers
from teams.actions import add_provider, issue_token, remove_provider, revoke_token
from teams.audit.record import record
from teams.invitations.actions import invite, withdraw
from teams.log import files, queries
from teams.log.words import in_words
from teams.models import AuditEntry, Membership, Role, Scope, Team, Way
from teams.people.actions import change_role, hand_over, remove_member, rename_team
from teams.webhooks import actions as webhooks
from tests.cast import Cast
from tests.pages import HOSTILE, html, signed_in

pytestmark = pytest.mark.django_db

LOG = "/t/acme/settings/log/"


def of(who: Any) -> Membership:
    return Membership.objects.get(user=who.user, team=who.team)


def last() -> AuditEntry:
    return AuditEntry.objects.latest("pk")


def truncate(table: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # what waits to be checked would refuse it too
        cursor.execute(f"TRUNCATE {table} CASCADE")


def test_each_action_says_what_was_done_and_no_secret(cast: Cast) -> None:
    owner = cast.owner
    rename_team(owner, name="Ours")
    change_role(owner, of(cast.viewer), role=Role.RUNNER)
    withdraw(owner, invite(owner, role=Role.RUNNER, email="new@example.com")[0])
    token, secret = issue_token(owner, name="laptop")
    revoke_token(owner, token)
    revoke_token(owner, token)
    key = add_provider(owner, provider="openai", api_key="sk-secret", base_url="http://127.0.0.1:9/v1")
    remove_provider(owner, key)
    hook, signing = webhooks.add_webhook(owner, url="https://example.com/hooks/SECRETPATH", events=["run.failed"])
    webhooks.remove_webhook(owner, hook)
    remove_member(owner, of(cast.viewer))
    remove_member(owner, of(cast.runner))
    hand_over(owner, of(cast.editor))
    told = list(AuditEntry.objects.order_by("pk").values_list("action", "object"))
    assert told == [
        ("team.renamed", "Ours"),
        ("member.role_changed", "viewer@example.com"),
        ("invitation.made", "new@example.com"),
        ("invitation.withdrawn", "new@example.com"),
        ("token.issued", f"{token} laptop"),
        ("token.revoked", f"{token} laptop"),
        ("key.added", "openai/default"),
        ("key.removed", "openai/default"),
        ("webhook.added", "example.com"),
        ("webhook.removed", "example.com"),
        ("member.removed", "viewer@example.com"),
        ("member.removed", "runner@example.com"),
        ("team.handed_over", "editor@example.com"),
        ("member.role_changed", "owner@example.com"),
    ]
    changed = AuditEntry.objects.filter(action="member.role_changed").earliest("pk")
    assert changed.detail == {"was": "viewer", "now": "runner"}
    assert (changed.person, changed.person_id, changed.way) == ("owner@example.com", owner.user.pk, Way.COMMAND)
    everything = " ".join(map(str, AuditEntry.objects.values_list()))
    for hidden in (secret, "sk-secret", "SECRETPATH", signing):
        assert hidden not in everything


def test_a_page_and_a_token_are_told_apart_with_the_address(cast: Cast) -> None:
    signed_in(cast.owner).post("/t/acme/settings/people/name/", {"name": "A"}, REMOTE_ADDR="192.0.2.7")
    assert (last().way, last().address, last().token) == (Way.PAGE, "192.0.2.7", "")
    token, secret = issue_token(cast.owner, scope=Scope.ADMIN)
    program = Client(headers={"Authorization": f"Bearer {secret}"}, REMOTE_ADDR="2001:db8::1")
    program.patch("/api/v1/team", json.dumps({"name": "B"}), content_type="application/json")
    assert (last().way, last().address, last().token) == (Way.TOKEN, "2001:db8::/64", token.prefix)
    made = signed_in(cast.viewer).post("/teams/new/", {"name": "C"}, REMOTE_ADDR="192.0.2.8")
    assert made.status_code == 302
    assert (last().action, last().team.name, last().address) == ("team.made", "C", "192.0.2.8")


def test_what_was_refused_is_not_in_it(cast: Cast) -> None:
    signed_in(cast.owner).post(f"/t/acme/settings/people/{of(cast.owner).pk}/role/", {"role": Role.VIEWER})
    assert not AuditEntry.objects.exists()


def test_the_database_refuses_changes_and_lets_old_entries_go(cast: Cast) -> None:
    for name in ("new", "old"):
        rename_team(cast.owner, name=name)
    with transaction.atomic():
        record(cast.owner, "team.renamed", cast.team)
    for change in (
        lambda: AuditEntry.objects.update(person="nobody"),
        lambda: AuditEntry.objects.filter(object="new").delete(),
        lambda: Team.objects.filter(pk=cast.team.pk).delete(),
        lambda: truncate("teams_auditentry"),
        lambda: truncate("teams_team"),
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            change()
    old = AuditEntry.objects.create(
        team=cast.team,
        at=timezone.now() - timedelta(days=400),
        person_id=1,
        person="x",
        way=Way.PAGE,
        action="team.renamed",
        object_id="1",
        object="x",
    )
    assert leftovers.forget() == 1
    assert not AuditEntry.objects.filter(pk=old.pk).exists()
    assert AuditEntry.objects.count() == 3


def test_the_page_filters_and_pages_and_is_for_owners(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    rename_team(cast.owner, name="<b>Ours</b>")
    change_role(cast.owner, of(cast.viewer), role=Role.RUNNER)
    client = signed_in(cast.owner)
    page = html(client.get(LOG))
    assert "&lt;b&gt;Ours&lt;/b&gt;" in page
    assert "was: viewer, now: runner" in page
    today = timezone.now().date()
    for query, count in (
        ("", 2),
        ("?person=OWNER", 2),
        ("?action=member", 1),
        ("?action=team.renamed", 1),
        ("?thing=viewer@", 1),
        ("?way=token", 0),
        (f"?since={today}&until={today}", 2),
        (f"?until={today - timedelta(days=1)}", 0),
        ("?until=9999-12-31", 2),
    ):
        assert len(client.get(f"{LOG}{query}").context["rows"]) == count, query
    assert [row.kind for row, *_ in client.get(f"{LOG}?action=member").context["rows"]] == ["member"]
    assert page.count('<a href="/t/acme/settings/people/">viewer@example.com</a>') == 1
    remove_member(cast.owner, of(cast.viewer))
    assert '<a href="/t/acme/settings/people/">viewer' not in html(client.get(f"{LOG}?thing=VIEWER@"))
    for query in ("?since=never", "?action=nothing", "?before=0", f"?thing={'x' * 300}"):
        assert client.get(f"{LOG}{query}").status_code == 422, query
    monkeypatch.setattr(queries, "PAGE_ROWS", 1)
    first = client.get(LOG).context
    (second,) = client.get(f"{LOG}?{first['older']}").context["rows"]
    assert (first["rows"][0][0].action, second[0].action) == ("member.removed", "member.role_changed")
    for who in (cast.editor, cast.runner):
        for part in ("", "csv/", "jsonl/"):
            assert signed_in(who).get(f"{LOG}{part}").status_code == 403
    assert html(signed_in(cast.stranger).get("/t/others/settings/log/")).count("data-label") == 0


def test_what_changed_is_said_in_words() -> None:
    detail = {"passed": False, "base_url": "", "events": ["run.failed", "run.waiting"], "days_were": None, "days": 30}
    said = "passed: no, base url: none, events: run.failed and run.waiting, days were: none, days: 30"
    assert in_words(detail) == said


def test_each_filter_has_an_index_that_serves_it(cast: Cast) -> None:
    """Asked of the planner, with many entries of another team and of one kind, and few of others."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO teams_auditentry"
            " (team_id, person_id, person, way, address, token, action, object_id, object, detail)"
            " SELECT CASE WHEN n % 10 = 0 THEN %s ELSE %s END, 1, 'somebody@example.com',"
            " CASE WHEN n % 500 = 0 THEN 'command' ELSE 'page' END, '', '',"
            " CASE WHEN n % 1000 = 0 THEN 'member.removed' WHEN n % 500 = 10 THEN 'member.left' ELSE 'run.pinned' END,"
            " n::text, 'A run', '{}' FROM generate_series(1, 20000) AS n".replace("% ", "%% "),
            [cast.team.pk, cast.stranger.team.pk],
        )
        cursor.execute("ANALYZE teams_auditentry")
        cursor.execute("SET LOCAL enable_seqscan = off; SET LOCAL enable_sort = off; SET LOCAL enable_bitmapscan = off")
    for asked, index in (
        (queries.Asked(), "audit_newest"),
        (queries.Asked(action="member"), "audit_of_kind"),
        (queries.Asked(action="member.removed"), "audit_of_action"),
        (queries.Asked(way=Way.COMMAND), "audit_of_way"),
    ):
        plan = queries.entries(cast.owner, asked)[:101].explain()
        assert index in plan, plan
        assert "Sort" not in plan, plan
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_bitmapscan = on")
        cursor.execute("SELECT indexdef FROM pg_indexes WHERE indexname IN ('audit_words', 'audit_of_days')")
        assert len(cursor.fetchall()) == 2
        cursor.execute(
            "EXPLAIN SELECT FROM teams_auditentry WHERE upper(object) LIKE '%COMPANY%' OR upper(person) LIKE '%OWNER%'"
        )
        assert "audit_words" in str(cursor.fetchall())


def test_files_and_the_api_say_the_same(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    client = signed_in(cast.owner)
    with transaction.atomic():
        record(cast.owner, "team.renamed", cast.team, name="=1+1", was=HOSTILE)
    change_role(cast.owner, of(cast.viewer), role=Role.RUNNER)
    secret = issue_token(cast.owner, scope=Scope.ADMIN)[1]
    program = Client(headers={"Authorization": f"Bearer {secret}"})
    told = program.get("/api/v1/log").json()["items"]
    assert [one["action"] for one in told] == ["token.issued", "member.role_changed", "team.renamed"]
    lines = client.get(f"{LOG}jsonl/").content.decode()
    assert [json.loads(line) for line in lines.splitlines()] == told
    rows = list(csv.DictReader(io.StringIO(client.get(f"{LOG}csv/").content.decode(), newline="")))
    assert [row["object"] for row in rows] == [told[0]["object"], "viewer@example.com", "'=1+1"]
    assert json.loads(rows[1]["detail"]) == told[1]["detail"]
    assert program.get("/api/v1/log?action=member").json()["items"] == [told[1]]
    assert program.get("/api/v1/log?way=token").json()["items"] == []
    for query in ("since=0", "until=20261129", "before=0", "way=post"):
        assert program.get(f"/api/v1/log?{query}").status_code == 422, query
    monkeypatch.setattr(queries, "PAGE_ROWS", 1)
    page = program.get("/api/v1/log").json()
    assert page["items"] == [told[0]]
    assert program.get(f"/api/v1/log?before={page['next']}").json()["items"] == [told[1]]
    monkeypatch.setattr(files, "MAX_ROWS", 2)
    monkeypatch.setattr("teams.log.views.MAX_ROWS", 2)
    refused = client.get(f"{LOG}csv/")
    assert refused.status_code == 422
    assert "Choose fewer days" in html(refused)
