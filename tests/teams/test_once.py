"""A form that is sent twice makes one thing: which forms, what they answer, and what is not taken for the same form."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from agents_app.models import Crew
from runs.data_sets.actions import make_data_set
from runs.data_sets.rows import of_json
from runs.models import Comment, DataSet, Schedule
from teams.models import ApiToken, IdempotentAnswer, Invitation, Role, Webhook
from tests.cast import Cast, make_crew
from tests.pages import html, just_proven, signed_in
from tests.runs.schedules.test_views import FORM, typed

ONCE = {
    *("new_data_set", "grow_data_set", "keep_inputs", "new_schedule"),
    *("new_crew", "copy_crew", "save_import", "copy_template", "take_in_template", "give_template"),
    *("run_comments", "crew_comments", "version_comments", "month_comments"),
    *("tokens", "program_token", "webhooks"),
}
KEY = re.compile(r'name="form_key" value="([0-9a-f-]{36})"')


def views(patterns: Any = None) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for one in get_resolver().url_patterns if patterns is None else patterns:
        if isinstance(one, URLResolver) and one.namespace is None:
            found |= views(one.url_patterns)
        elif isinstance(one, URLPattern) and one.name:
            found[one.name] = one.callback
    return found


def key_of(client: Client, address: str) -> str:
    (key,) = set(KEY.findall(html(client.get(address))))
    return str(key)


def test_these_views_make_one_thing_of_a_form() -> None:
    assert {name for name, view in views().items() if getattr(view, "sent_once", False)} == ONCE


@pytest.mark.django_db
def test_the_same_form_leads_where_the_first_one_led(cast: Cast, crew: Crew) -> None:
    client = signed_in(cast.owner)
    form = typed(form_key=key_of(client, FORM))
    first, again = client.post(FORM, form), client.post(FORM, form)
    assert (first.status_code, again.status_code, first["Location"]) == (302, 302, again["Location"])
    assert Schedule.objects.count() == 1
    other = client.post(FORM, form | {"name": "Another"})  # changed after a look back
    assert (other["Location"] != first["Location"], Schedule.objects.count()) == (True, 2)
    assert client.post(FORM, form | {"form_key": key_of(client, FORM)}).status_code == 302
    assert Schedule.objects.count() == 3
    assert signed_in(cast.runner).post(FORM, form)["Location"] != first["Location"]  # somebody else's form
    copy = {"form_key": "one"}
    copies = [client.post(f"/t/acme/crews/{crew.slug}/copy/", copy)["Location"] for _ in range(2)]
    assert (copies[0], Crew.objects.filter(team=cast.team).count()) == (copies[1], 2)


@pytest.mark.django_db
def test_a_form_that_was_refused_is_not_remembered(cast: Cast, crew: Crew) -> None:
    client = signed_in(cast.owner)
    form = typed(cron="0 0 30 2 *", form_key="one")
    assert [client.post(FORM, form).status_code for _ in range(2)] == [422, 422]
    make_data_set(cast.owner, "leads", of_json([{"company": "Acme"}]))
    new = {"name": "leads", "table": "a\n1", "form_key": "two"}
    assert client.post("/t/acme/data-sets/new/", new).status_code == 422
    DataSet.objects.update(name="others")
    assert client.post("/t/acme/data-sets/new/", new)["Location"] == "/t/acme/data-sets/leads/"
    assert IdempotentAnswer.objects.count() == 1
    preview = {**new, "name": "more", "preview": "1"}
    for _ in range(2):  # it has made nothing yet, whoever asks for it
        shown = client.post("/t/acme/data-sets/new/", preview, headers={"HX-Request": "true"})
        assert (shown.status_code, len(shown.context["preview"].rows.rows)) == (200, 1)


@pytest.mark.django_db
def test_what_shows_a_secret_says_that_it_was_made_once(cast: Cast) -> None:
    client = signed_in(cast.owner)
    hook = {"url": "https://example.com/hooks", "events": ["schedule.refused"]}
    hook["form_key"] = key_of(client, "/t/acme/settings/webhooks/")
    first = html(client.post("/t/acme/settings/webhooks/", hook))
    (secret,) = set(re.findall(r"whsec_[A-Za-z0-9+/=]+", first))
    again = html(client.post("/t/acme/settings/webhooks/", hook, follow=True))
    assert "The form was sent twice, and one webhook was made." in again
    assert secret not in again
    assert secret not in str(list(IdempotentAnswer.objects.values_list("answer", flat=True)))
    assert Webhook.objects.count() == 1
    token = {"name": "CI", "scope": "read", "days": "30", "form_key": "one"}
    assert signed_in(cast.owner).post("/t/acme/settings/tokens/", token).status_code == 302  # asked to prove it
    proven = just_proven(cast.owner)
    assert proven.post("/t/acme/settings/tokens/", token).context["new_token"]
    assert proven.post("/t/acme/settings/tokens/", token)["Location"] == "/t/acme/settings/tokens/"
    assert ApiToken.objects.filter(name="CI").count() == 1


@pytest.mark.django_db
def test_an_invitation_is_made_once(cast: Cast) -> None:
    client = signed_in(cast.owner)
    address = "/t/acme/settings/people/invite/"
    form = {"role": str(int(Role.EDITOR)), "email": "new@example.com", "days": "7", "form_key": "one"}
    assert client.post(address, form).context["new_link"]
    assert "one invitation was made" in html(client.post(address, form, follow=True))
    assert Invitation.objects.count() == 1
    assert client.post(address, form | {"form_key": "two", "email": "none"}).status_code == 422
    assert client.post(address, form | {"form_key": "two"}).context["new_link"]
    assert Invitation.objects.count() == 2


@pytest.mark.django_db
def test_a_comment_that_is_sent_twice_stands_once(cast: Cast, crew: Crew) -> None:
    client = signed_in(cast.owner)
    address = f"/t/acme/crews/{crew.slug}/comments/"
    form = {"text": "Once.", "form_key": "one"}
    for _ in range(2):
        part = client.post(address, form, headers={"HX-Request": "true"}, follow=True)
        assert "Once." in html(part)
    client.post(address, {"text": "Twice.", "form_key": "two"})
    client.post(address, {"text": "Twice.", "form_key": "two"})
    assert [one.text for one in Comment.objects.order_by("pk")] == ["Once.", "Twice."]


@pytest.mark.django_db(transaction=True)
def test_of_two_that_come_at_once_one_waits_for_the_other(cast: Cast) -> None:
    make_crew(cast.owner)
    clients = [signed_in(cast.owner) for _ in range(4)]
    together = Barrier(4)
    form = typed(form_key="one")

    def send(client: Client) -> str:
        together.wait(timeout=60)
        try:
            return str(client.post(FORM, form)["Location"])
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        assert len(set(pool.map(send, clients))) == 1
    assert Schedule.objects.count() == 1
