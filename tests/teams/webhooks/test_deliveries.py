"""Sending webhooks: signed and to the letter, to public addresses only, in bounded time, tried again, given up."""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone
from standardwebhooks import Webhook as StandardWebhook
from standardwebhooks import WebhookVerificationError

from teams.models import Delivery, Webhook
from teams.secrets import seal
from teams.webhooks import actions, deliveries
from tests.cast import Cast, make_cast
from tests.receiver import Receiver

pytestmark = pytest.mark.django_db

FACTS = {"run": "1", "note": 'ümläut "quoted" \\ and 1.0'}


@pytest.fixture
def cast(settings: Any) -> Cast:
    settings.ALLOWED_PRIVATE_HOSTS = frozenset({"127.0.0.1"})
    return make_cast()


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deliveries, "TRY_TIMEOUT_S", 0.5)


def hook_at(cast: Cast, url: str) -> tuple[Webhook, str]:
    return actions.add_webhook(cast.owner, url=url, events=["run.failed"])


def tell(cast: Cast) -> None:
    actions.announce(cast.team.pk, "run.failed", lambda: FACTS)


def send() -> int:
    due = deliveries.take_due()
    for one, tried in zip(due, asyncio.run(deliveries.send_all(due)), strict=True):
        deliveries.record(one, tried)
    return len(due)


def test_it_is_signed_so_that_the_receiver_can_tell(cast: Cast) -> None:
    with Receiver() as receiver:
        _, secret = hook_at(cast, receiver.url)
        tell(cast)
        assert send() == 1
    (got,) = receiver.received
    delivery = Delivery.objects.get()
    assert got.is_signed_with(secret)
    assert not got.is_signed_with("whsec_YW5vdGhlcg==")
    assert got.json == delivery.payload
    assert got.json["data"] == FACTS
    assert got.headers["X-Crewsite-Event"] == "run.failed"
    assert got.headers["webhook-id"] == got.json["id"] == str(delivery.pk)
    assert "X-Crewsite-Signature" not in got.headers
    assert "X-Crewsite-Delivery" not in got.headers
    assert got.headers["Content-Type"] == "application/json"
    assert (delivery.state, delivery.status, delivery.attempts, delivery.response) == ("sent", 200, 1, "Thank you.")
    assert send() == 0


def test_a_library_of_standard_webhooks_verifies_it_and_refuses_what_was_changed_or_is_old(cast: Cast) -> None:
    with Receiver() as receiver:
        _, secret = hook_at(cast, receiver.url)
        tell(cast)
        send()
    (got,) = receiver.received
    library = StandardWebhook(secret)
    assert library.verify(got.body, got.headers) == Delivery.objects.get().payload
    with pytest.raises(WebhookVerificationError, match="No matching signature"):
        library.verify(got.body.replace(b'"run":"1"', b'"run":"2"'), got.headers)
    with pytest.raises(WebhookVerificationError, match="No matching signature"):
        library.verify(got.body, got.headers | {"webhook-id": "another"})
    ten_minutes_ago = str(int(time.time()) - 600)
    with pytest.raises(WebhookVerificationError, match="too old"):
        library.verify(got.body, got.headers | {"webhook-timestamp": ten_minutes_ago})
    a_minute_ago = str(int(time.time()) - 60)
    with pytest.raises(WebhookVerificationError, match="No matching signature"):
        library.verify(got.body, got.headers | {"webhook-timestamp": a_minute_ago})
    with pytest.raises(WebhookVerificationError, match="No matching signature"):
        StandardWebhook("whsec_YW5vdGhlcg==").verify(got.body, got.headers)


def test_a_webhook_with_a_secret_of_the_old_form_is_signed_both_ways(cast: Cast) -> None:
    old_secret = "whsec_-_8gTm9ib2R5IGtub3dzIHRoaXMgc2VjcmV0IGJ5dGU"
    with Receiver() as receiver:
        hook, _ = hook_at(cast, receiver.url)
        Webhook.objects.filter(pk=hook.pk).update(secret=seal(old_secret))
        tell(cast)
        send()
    (got,) = receiver.received
    assert got.is_signed_the_old_way(old_secret)
    assert not got.is_signed_the_old_way("whsec_another")
    assert got.headers["X-Crewsite-Delivery"] == got.headers["webhook-id"] == got.json["id"]
    rewritten = old_secret.replace("-", "+").replace("_8", "/8") + "="
    assert got.is_signed_with(rewritten)
    assert StandardWebhook(rewritten).verify(got.body, got.headers) == got.json


def test_a_redelivery_keeps_its_id_and_is_signed_anew_at_the_time_of_its_try(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    class AnHourAgo(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:
            return datetime.now(tz) - timedelta(hours=1)

    with Receiver() as receiver:
        _, secret = hook_at(cast, receiver.url)
        tell(cast)
        with monkeypatch.context() as an_hour_ago:
            an_hour_ago.setattr(deliveries, "datetime", AnHourAgo)
            send()
        actions.send_again(cast.owner, Delivery.objects.get())
        send()
    first, second = receiver.received
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert first.body == second.body
    assert 3590 < int(second.headers["webhook-timestamp"]) - int(first.headers["webhook-timestamp"]) < 3660
    assert StandardWebhook(secret).verify(second.body, second.headers) == second.json
    with pytest.raises(WebhookVerificationError, match="too old"):
        StandardWebhook(secret).verify(first.body, first.headers)


def test_what_fails_is_tried_again_with_the_same_id_and_body_until_it_is_accepted(cast: Cast) -> None:
    with Receiver(500, 404, 204) as receiver:
        hook_at(cast, receiver.url)
        tell(cast)
        states = []
        for _ in range(3):
            assert send() == 1
            assert send() == 0, "not before its time"
            one = Delivery.objects.get()
            states.append((one.state, one.status, one.attempts))
            Delivery.objects.filter(state="due").update(next_try_at=timezone.now())
    assert states == [("due", 500, 1), ("due", 404, 2), ("sent", 204, 3)]
    assert len({got.body for got in receiver.received}) == 1
    assert len({got.headers["webhook-id"] for got in receiver.received}) == 1


def test_after_eight_tries_over_a_day_it_is_given_up(cast: Cast) -> None:
    with Receiver(500, body="Not today. \x00" + "x" * 5000) as receiver:
        hook_at(cast, receiver.url)
        tell(cast)
        waits = []
        for _ in range(8):
            assert send() == 1
            one = Delivery.objects.get()
            if one.next_try_at is not None:
                waits.append(round((one.next_try_at - timezone.now()).total_seconds(), -1))
                Delivery.objects.update(next_try_at=timezone.now())
        assert send() == 0
    assert (one.state, one.attempts, one.next_try_at) == ("failed", 8, None)
    assert waits == [10, 60, 300, 1_800, 7_200, 21_600, 54_000]
    assert 20 * 3600 < sum(waits) < 24 * 3600
    assert one.response.startswith("Not today. x")
    assert len(one.response) <= 1000


def test_a_redirect_is_not_followed(cast: Cast) -> None:
    with Receiver() as elsewhere, Receiver(302, location=elsewhere.url) as receiver:
        hook_at(cast, receiver.url)
        tell(cast)
        send()
    one = Delivery.objects.get()
    assert elsewhere.received == []
    assert (one.state, one.status) == ("due", 302)
    assert "not followed" in one.error


def test_a_private_address_is_not_connected_to_also_where_a_name_leads_to_it(cast: Cast, settings: Any) -> None:
    with Receiver() as receiver:
        hook_at(cast, receiver.url)
        by_name, _ = hook_at(cast, "http://example.com/")
        Webhook.objects.filter(pk=by_name.pk).update(url=receiver.url.replace("127.0.0.1", "localhost"))
        settings.ALLOWED_PRIVATE_HOSTS = frozenset()
        tell(cast)
        assert send() == 2
        assert receiver.received == []
    assert all("not a public address" in one.error for one in Delivery.objects.all())


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/", "http://no-such-host.invalid/"])
def test_nobody_there_is_a_failed_try(cast: Cast, url: str) -> None:
    hook_at(cast, url)
    tell(cast)
    send()
    one = Delivery.objects.get()
    assert (one.state, one.status, one.attempts) == ("due", None, 1)
    assert one.error


def test_a_receiver_that_hangs_takes_no_longer_than_it_may_and_holds_up_no_other(cast: Cast, quick: None) -> None:
    with Receiver(hang=True) as dead, Receiver() as alive:
        hook_at(cast, dead.url)
        hook_at(cast, alive.url)
        tell(cast)
        began = time.monotonic()
        assert send() == 2
        assert time.monotonic() - began < 10, "of half a second"
        assert len(alive.received) == 1
    assert sorted(Delivery.objects.values_list("state", flat=True)) == ["due", "sent"]
    assert "within 0.5 s" in Delivery.objects.get(state="due").error


def test_one_that_cannot_be_sent_by_a_bug_fails_alone(cast: Cast) -> None:
    with Receiver() as receiver:
        hook_at(cast, receiver.url)
        tell(cast)
        Delivery.objects.update(event="no header is ümläut")
        tell(cast)
        assert send() == 2
    assert sorted(Delivery.objects.values_list("state", flat=True)) == ["due", "sent"]
    assert "UnicodeEncodeError" in Delivery.objects.get(state="due").error


def test_of_one_webhook_only_two_are_tried_at_once(cast: Cast) -> None:
    with Receiver() as receiver:
        hook_at(cast, receiver.url)
        for _ in range(5):
            tell(cast)
        assert [send() for _ in range(4)] == [2, 2, 1, 0]


def test_what_is_turned_off_waits_until_it_is_on_again(cast: Cast) -> None:
    with Receiver() as receiver:
        hook, _ = hook_at(cast, receiver.url)
        tell(cast)
        actions.set_active(cast.owner, hook, active=False)
        assert send() == 0
        actions.set_active(cast.owner, hook, active=True)
        assert send() == 1


def test_a_sender_that_died_leaves_it_to_another_a_minute_later(cast: Cast) -> None:
    hook_at(cast, "http://127.0.0.1:9/")
    tell(cast)
    (taken,) = deliveries.take_due()
    assert deliveries.take_due() == []
    one = Delivery.objects.get()
    assert one.next_try_at is not None
    assert timedelta(seconds=50) < one.next_try_at - timezone.now() <= timedelta(seconds=60)
    Delivery.objects.update(next_try_at=timezone.now())
    (again,) = deliveries.take_due()
    deliveries.record(taken, deliveries.Tried(status=200))
    assert Delivery.objects.get().state == "due", "whoever was late has no say any more"
    deliveries.record(again, deliveries.Tried(status=200))
    assert Delivery.objects.get().state == "sent"


def test_a_secret_that_cannot_be_opened_any_more_is_said(cast: Cast) -> None:
    hook, _ = hook_at(cast, "http://127.0.0.1:9/")
    Webhook.objects.filter(pk=hook.pk).update(secret=b"sealed with a key that is gone")
    tell(cast)
    send()
    assert "cannot be opened" in Delivery.objects.get().error


def test_what_was_done_with_a_month_ago_is_forgotten(cast: Cast) -> None:
    hook_at(cast, "http://127.0.0.1:9/")
    for _ in range(3):
        tell(cast)
    old, due, fresh = Delivery.objects.all()
    long_ago = timezone.now() - timedelta(days=31)
    Delivery.objects.filter(pk__in=[old.pk, due.pk]).update(created_at=long_ago)
    Delivery.objects.filter(pk__in=[old.pk, fresh.pk]).update(state="sent", next_try_at=None)
    deliveries.forget_old()
    assert set(Delivery.objects.values_list("pk", flat=True)) == {due.pk, fresh.pk}


@pytest.mark.django_db(transaction=True)
def test_ten_senders_at_once_send_each_once(transactional_db: None, settings: Any) -> None:
    settings.ALLOWED_PRIVATE_HOSTS = frozenset({"127.0.0.1"})
    cast = make_cast()
    with Receiver() as receiver:
        for _ in range(8):
            hook_at(cast, receiver.url)
        tell(cast)
        tell(cast)

        def one_sender(number: int) -> int:
            try:
                return send()
            finally:
                connection.close()

        with ThreadPoolExecutor(10) as pool:
            assert sum(pool.map(one_sender, range(10))) == 16
    assert set(Delivery.objects.values_list("state", "error")) == {("sent", "")}
    ids = [got.headers["webhook-id"] for got in receiver.received]
    assert len(ids) == len(set(ids)) == 16
