"""What was sent to a webhook by the API: the list with its answers, in pages, and sending it again."""

from __future__ import annotations

import pytest

from teams.models import AuditEntry, Delivery, DeliveryState, Webhook
from teams.webhooks.actions import add_webhook, send_test
from tests.cast import Cast
from tests.teams.api.test_if_match import Api

pytestmark = pytest.mark.django_db


@pytest.fixture
def hook(cast: Cast) -> Webhook:
    hook, _ = add_webhook(cast.owner, url="https://example.com/hooks", events=["run.failed"])
    for _ in range(3):
        send_test(cast.owner, hook)
    return hook


@pytest.fixture
def owner(cast: Cast) -> Api:
    return Api(cast)


def test_deliveries_come_in_pages_with_what_was_answered(owner: Api, hook: Webhook) -> None:
    newest = Delivery.objects.order_by("-created_at", "-pk").first()
    Delivery.objects.filter(pk=newest.pk).update(
        state=DeliveryState.FAILED, next_try_at=None, attempts=8, status=500, error="Refused.", response="no"
    )
    path = f"/webhooks/{hook.pk}/deliveries"
    first = owner.ask("GET", f"{path}?limit=2").json()
    said = first["items"][0]
    assert (said["state"], said["attempts"], said["status"], said["response"]) == ("failed", 8, 500, "no")
    assert said["payload"]["id"] == said["id"]
    second = owner.ask("GET", f"{path}?limit=2&cursor={first['next']}").json()
    assert second["next"] is None
    assert len({one["id"] for one in first["items"] + second["items"]}) == 3
    assert owner.ask("GET", f"{path}?cursor=x").status_code == 422


def test_one_that_was_given_up_is_sent_again_under_its_id(owner: Api, hook: Webhook, cast: Cast) -> None:
    delivery = Delivery.objects.first()
    Delivery.objects.filter(pk=delivery.pk).update(state=DeliveryState.FAILED, next_try_at=None, attempts=8)
    path = f"/webhooks/{hook.pk}/deliveries/{delivery.pk}/replay"
    answer = owner.ask("POST", path)
    assert answer.status_code == 202
    assert (answer.json()["id"], answer.json()["state"], answer.json()["attempts"]) == (str(delivery.pk), "due", 0)
    assert AuditEntry.objects.filter(action="delivery.sent_again").exists()
    other, _ = add_webhook(cast.owner, url="https://example.com/other", events=["run.failed"])
    assert owner.ask("POST", f"/webhooks/{other.pk}/deliveries/{delivery.pk}/replay").status_code == 404
