"""What people do with a team's webhooks, and how an event becomes deliveries. Sending them is in ``deliveries``."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from django.db import transaction
from django.db.models.functions import Now
from django.utils import timezone

from engine.web.addresses import complaint
from teams.access import Principal, require
from teams.audit.record import record
from teams.models import Delivery, DeliveryState, Role, Team, Webhook, WebhookEvent
from teams.reach import reach
from teams.refusals import Conflict, Invalid
from teams.secrets import seal
from teams.texts.times import time_text
from teams.webhooks.signatures import new_signing_secret

MAX_WEBHOOKS = 20
TEST_EVENT = "webhook.test"


@transaction.atomic
def add_webhook(who: Principal, *, url: str, events: Sequence[str]) -> tuple[Webhook, str]:
    """Returns the webhook and the secret that signs what it is sent. The secret can be shown now and never again."""
    require(who, Role.OWNER)
    Team.objects.select_for_update(no_key=True).get(pk=who.team.pk)
    complaints = _complaints(url.strip(), events)
    if complaints:
        raise Invalid("The webhook was not saved.", fields=complaints)
    if Webhook.objects.filter(team=who.team).count() >= MAX_WEBHOOKS:
        raise Conflict(f"A team has at most {MAX_WEBHOOKS} webhooks. Remove one first.")
    secret = new_signing_secret()
    ordered_events = [event for event in WebhookEvent.values if event in events]
    webhook = Webhook.objects.create(
        team=who.team, url=url.strip(), secret=seal(secret), events=ordered_events, created_by=who.user
    )
    record(who, "webhook.added", webhook, name=_host(webhook), events=ordered_events)
    return webhook, secret


@transaction.atomic
def set_active(who: Principal, webhook: Webhook, *, active: bool) -> None:
    """While a webhook is off, no event adds a delivery, and deliveries that are due wait until it is on again."""
    require(who, Role.OWNER)
    Webhook.objects.filter(pk=webhook.pk).update(active=active)
    record(who, "webhook.changed", webhook, name=_host(webhook), active=active)


@transaction.atomic
def remove_webhook(who: Principal, webhook: Webhook) -> None:
    """Deletes it with its deliveries, also those that are still to be sent."""
    require(who, Role.OWNER)
    record(who, "webhook.removed", webhook, name=_host(webhook))
    webhook.delete()


@transaction.atomic
def send_again(who: Principal, delivery: Delivery) -> None:
    """Makes it due now, with as many tries as a new one. Its id stays, so that the receiver recognises it."""
    require(who, Role.OWNER)
    Delivery.objects.filter(pk=delivery.pk).update(state=DeliveryState.DUE, attempts=0, next_try_at=Now())
    record(who, "delivery.sent_again", delivery, name=delivery.event)


@transaction.atomic
def send_test(who: Principal, webhook: Webhook) -> None:
    """Makes a delivery of a test event."""
    require(who, Role.OWNER)
    _add_deliveries([webhook], who.team, TEST_EVENT, {"message": "This is a test of your webhook."})
    record(who, "webhook.tested", webhook, name=_host(webhook))


def announce(team_id: int, event: str, data: Callable[[], Mapping[str, Any]]) -> None:
    """Makes a delivery to each active webhook of the team that asked for this event.

    Call it in the transaction that writes what happened, so that both are kept or neither. ``data`` is called only if
    there is such a webhook.
    """
    wanting = Webhook.objects.filter(team_id=team_id, active=True, events__contains=[event])
    webhooks = list(wanting.select_related("team"))
    if webhooks:
        _add_deliveries(webhooks, webhooks[0].team, event, data())


def _host(webhook: Webhook) -> str:
    """What the log calls it by: an address's path may hold a secret of the receiver's."""
    return urlsplit(webhook.url).hostname or ""


def _add_deliveries(webhooks: Sequence[Webhook], team: Team, event: str, data: Mapping[str, Any]) -> None:
    payload = {
        "event": event,
        "team": team.slug,
        "created_at": time_text(timezone.now(), timespec="seconds"),
        "data": dict(data),
    }
    deliveries = [Delivery(webhook=webhook, event=event) for webhook in webhooks]
    for delivery in deliveries:
        delivery.payload = {"id": str(delivery.pk), **payload}
    Delivery.objects.bulk_create(deliveries)


def _complaints(url: str, events: Sequence[str]) -> dict[str, str]:
    complaints = {}
    # A name is looked up not here but at each try.
    if fault := complaint(url, reach(), example="https://example.com/hooks/crewsite"):
        complaints["url"] = fault
    if not events or not set(events) <= set(WebhookEvent.values):
        complaints["events"] = f"Choose at least one of {', '.join(WebhookEvent.values)}."
    return complaints
