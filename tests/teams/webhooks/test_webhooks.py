"""A team's webhooks: kept, turned off, forgotten, and what is refused; the secret is shown once, and only owners see
them."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.utils import timezone

from teams.access import Principal
from teams.models import Delivery, Webhook, WebhookEvent
from teams.refusals import Conflict, Invalid
from teams.secrets import unseal
from teams.webhooks import actions
from tests.cast import Cast
from tests.pages import signed_in

pytestmark = pytest.mark.django_db

SETTINGS = "/t/acme/settings/"
HOOKS = f"{SETTINGS}webhooks/"
URL = "https://example.com/hooks"
EVENTS = ["run.failed", "run.waiting"]


class TestAdding:
    def test_it_is_kept_with_its_secret_encrypted(self, cast: Cast) -> None:
        hook, secret = actions.add_webhook(cast.owner, url=f" {URL} ", events=EVENTS)
        hook.refresh_from_db()
        assert (hook.url, hook.active, hook.created_by) == (URL, True, cast.owner.user)
        assert set(hook.events) == set(EVENTS)
        assert secret.startswith("whsec_")
        assert secret.encode() not in bytes(hook.secret)
        assert unseal(hook.secret) == secret

    @pytest.mark.parametrize("name", ["editor", "runner", "viewer"])
    def test_only_an_owner_may(self, cast: Cast, name: str) -> None:
        with pytest.raises(PermissionDenied):
            actions.add_webhook(getattr(cast, name), url=URL, events=EVENTS)

    @pytest.mark.parametrize(
        "url",
        [
            "",
            "example.com/hook",
            "ftp://example.com/",
            "https://",
            "https://user:pw@example.com/",
            "http://localhost/hook",
            "http://127.0.0.1:8000/",
            "http://10.1.2.3/",
            "http://169.254.169.254/latest/",
            "http://[::1]/",
            "http://[::ffff:10.0.0.1]/",
            f"https://example.com/{'x' * 500}",
        ],
    )
    def test_an_address_that_cannot_be_is_told_at_its_field(self, cast: Cast, url: str) -> None:
        with pytest.raises(Invalid) as refused:
            actions.add_webhook(cast.owner, url=url, events=EVENTS)
        assert list(refused.value.fields) == ["url"]
        assert not Webhook.objects.exists()

    def test_an_operator_may_allow_a_private_host(self, cast: Cast, settings: Any) -> None:
        settings.ALLOWED_PRIVATE_HOSTS = frozenset({"10.1.2.3"})
        actions.add_webhook(cast.owner, url="http://10.1.2.3/", events=EVENTS)

    @pytest.mark.parametrize("events", [[], ["run.exploded"], ["run.failed", "*"]])
    def test_events_that_are_none_are_refused(self, cast: Cast, events: list[str]) -> None:
        with pytest.raises(Invalid) as refused:
            actions.add_webhook(cast.owner, url=URL, events=events)
        assert list(refused.value.fields) == ["events"]

    def test_there_are_twenty_at_most(self, cast: Cast) -> None:
        for _ in range(20):
            actions.add_webhook(cast.owner, url=URL, events=EVENTS)
        with pytest.raises(Conflict):
            actions.add_webhook(cast.owner, url=URL, events=EVENTS)


class TestAnnouncing:
    def test_whoever_wants_it_is_told_in_the_same_transaction(self, cast: Cast) -> None:
        one, _ = actions.add_webhook(cast.owner, url=URL, events=EVENTS)
        off, _ = actions.add_webhook(cast.owner, url=URL, events=EVENTS)
        actions.set_active(cast.owner, off, active=False)
        actions.add_webhook(cast.owner, url=URL, events=["run.succeeded"])
        actions.add_webhook(cast.stranger, url=URL, events=EVENTS)
        actions.announce(cast.team.pk, WebhookEvent.FAILED, lambda: {"run": "1"})
        (delivery,) = Delivery.objects.all()
        assert (delivery.webhook, delivery.event, delivery.state, delivery.attempts) == (one, "run.failed", "due", 0)
        assert delivery.payload == {
            "id": str(delivery.pk),
            "event": "run.failed",
            "team": "acme",
            "created_at": delivery.payload["created_at"],
            "data": {"run": "1"},
        }

    def test_nobody_is_asked_for_facts_that_nobody_wants(self, cast: Cast) -> None:
        def facts() -> dict[str, Any]:
            raise AssertionError("not wanted")

        actions.announce(cast.team.pk, WebhookEvent.FAILED, facts)
        assert not Delivery.objects.exists()


class TestPages:
    def add(self, who: Principal, **typed: Any) -> Any:
        return signed_in(who).post(HOOKS, {"url": URL, "events": EVENTS} | typed)

    def test_the_secret_is_shown_once(self, cast: Cast) -> None:
        answer = self.add(cast.owner).content.decode()
        shown = re.search(r'id="new-webhook-secret">(whsec_[^<]+)<', answer)
        assert shown is not None
        assert unseal(Webhook.objects.get().secret) == shown[1]
        assert "whsec_" not in signed_in(cast.owner).get(HOOKS).content.decode()

    def test_a_refused_one_keeps_what_was_typed(self, cast: Cast) -> None:
        answer = self.add(cast.owner, url="http://10.0.0.1/secret-path")
        assert answer.status_code == 422
        html = answer.content.decode()
        assert 'value="http://10.0.0.1/secret-path"' in html
        assert "10.0.0.1 is not a public address" in html
        assert re.search(r'value="run.failed"[^>]*checked', html)

    def test_without_an_event_it_is_refused(self, cast: Cast) -> None:
        answer = self.add(cast.owner, events=[])
        assert answer.status_code == 422
        assert "Choose at least one" in answer.content.decode()

    def test_it_is_turned_off_and_on_tested_and_forgotten(self, cast: Cast) -> None:
        self.add(cast.owner)
        hook, client = Webhook.objects.get(), signed_in(cast.owner)
        for active, expected in (("no", False), ("yes", True)):
            answer = client.post(f"{HOOKS}{hook.pk}/active/", {"active": active})
            assert answer["Location"] == HOOKS
            hook.refresh_from_db()
            assert hook.active is expected
        client.post(f"{HOOKS}{hook.pk}/test/")
        assert Delivery.objects.get().event == "webhook.test"
        client.post(f"{HOOKS}{hook.pk}/remove/")
        assert not Webhook.objects.exists()
        assert not Delivery.objects.exists()

    def test_a_delivery_that_was_given_up_is_sent_again_under_the_same_id(self, cast: Cast) -> None:
        hook, _ = actions.add_webhook(cast.owner, url=URL, events=EVENTS)
        gone = Delivery.objects.create(
            webhook=hook, event="run.failed", payload={}, state="failed", attempts=8, next_try_at=None, error="No."
        )
        client = signed_in(cast.owner)
        html = client.get(HOOKS).content.decode()
        assert "given up" in html
        assert "after 8 tries" in html
        client.post(f"{SETTINGS}deliveries/{gone.pk}/again/")
        gone.refresh_from_db()
        assert (gone.state, gone.attempts) == ("due", 0)
        assert gone.next_try_at is not None
        assert gone.next_try_at <= timezone.now()

    def test_what_a_receiver_answers_is_shown_as_text(self, cast: Cast) -> None:
        hook, _ = actions.add_webhook(cast.owner, url=URL, events=EVENTS)
        evil = "<script>alert(1)</script>"
        Delivery.objects.create(webhook=hook, event="run.failed", payload={}, response=evil, error=evil)
        html = signed_in(cast.owner).get(HOOKS).content.decode()
        assert evil not in html
        assert "&lt;script&gt;alert(1)" in html

    @pytest.mark.parametrize("name", ["editor", "runner", "viewer"])
    def test_others_see_none_of_it_and_may_do_none_of_it(self, cast: Cast, name: str) -> None:
        hook, _ = actions.add_webhook(cast.owner, url=URL, events=EVENTS)
        client = signed_in(getattr(cast, name))
        assert client.get(HOOKS).status_code == 403
        assert HOOKS not in client.get(f"{SETTINGS}people/").content.decode()
        for path in ("", f"{hook.pk}/active/", f"{hook.pk}/test/", f"{hook.pk}/remove/"):
            assert client.post(f"{HOOKS}{path}").status_code == 403

    def test_strangers_find_nothing(self, cast: Cast) -> None:
        hook, _ = actions.add_webhook(cast.owner, url=URL, events=EVENTS)
        client = signed_in(cast.stranger)
        assert client.post(f"{HOOKS}{hook.pk}/remove/").status_code == 404
        assert client.post(f"/t/others/settings/webhooks/{hook.pk}/remove/").status_code == 404
        assert Webhook.objects.exists()
