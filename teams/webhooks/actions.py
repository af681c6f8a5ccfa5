"""People's verbs on a team's webhooks, and the one way in which an event becomes deliveries. Sending is not here."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import URLValidator
from django.db import transaction
from django.db.models.functions import Now
from django.utils import timezone
from httpx import URL, InvalidURL

from engine.web.guarded_http import RequestFailed, check_address, is_public
from teams.access import Principal, require
from teams.models import Delivery, DeliveryState, Role, Team, Webhook, WebhookEvent
from teams.refusals import Conflict, Invalid
from teams.secrets import new_secret, seal
from teams.times import time_text

SECRET_PREFIX = "whsec_"  # noqa: S105 - recognisable, not secret
MAX_WEBHOOKS = 20
TEST_EVENT = "webhook.test"


@transaction.atomic
def add_webhook(who: Principal, *, url: str, events: Sequence[str]) -> tuple[Webhook, str]:
    """A webhook and the secret that signs what it is sent, which is shown now or never."""
    require(who, Role.OWNER)
    Team.objects.select_for_update(no_key=True).get(pk=who.team.pk)
    fields = _complaints(url.strip(), events)
    if fields:
        raise Invalid("The webhook was not saved.", fields=fields)
    if Webhook.objects.filter(team=who.team).count() >= MAX_WEBHOOKS:
        raise Conflict(f"A team has at most {MAX_WEBHOOKS} webhooks. Remove one first.")
    secret = new_secret(SECRET_PREFIX)
    known = [event for event in WebhookEvent.values if event in events]
    hook = Webhook.objects.create(
        team=who.team, url=url.strip(), secret=seal(secret), events=known, created_by=who.user
    )
    return hook, secret


def set_active(who: Principal, hook: Webhook, *, active: bool) -> None:
    """A webhook that is not active is told of nothing new; what is due waits until it is active again."""
    require(who, Role.OWNER)
    Webhook.objects.filter(pk=hook.pk).update(active=active)


def remove_webhook(who: Principal, hook: Webhook) -> None:
    """Forgets it with all that was to be sent to it."""
    require(who, Role.OWNER)
    hook.delete()


def send_again(who: Principal, delivery: Delivery) -> None:
    """Sends it at once and, if need be, as often as a new one; its id stays, so that the receiver can tell."""
    require(who, Role.OWNER)
    Delivery.objects.filter(pk=delivery.pk).update(state=DeliveryState.DUE, attempts=0, next_try_at=Now())


def send_test(who: Principal, hook: Webhook) -> None:
    """Sends an event that means nothing."""
    require(who, Role.OWNER)
    _deliver([hook], who.team, TEST_EVENT, {"message": "This is a test of your webhook."})


def announce(team_id: int, event: str, data: Callable[[], Mapping[str, Any]]) -> None:
    """Lets every active webhook that wants it be told. In the transaction of what happened: both are kept, or neither.

    ``data`` is asked for only if somebody wants to know.
    """
    hooks = list(Webhook.objects.filter(team_id=team_id, active=True, events__contains=[event]).select_related("team"))
    if hooks:
        _deliver(hooks, hooks[0].team, event, data())


def _deliver(hooks: Sequence[Webhook], team: Team, event: str, data: Mapping[str, Any]) -> None:
    payload = {
        "event": event,
        "team": team.slug,
        "created_at": time_text(timezone.now(), timespec="seconds"),
        "data": dict(data),
    }
    rows = [Delivery(webhook=hook, event=event) for hook in hooks]
    for row in rows:
        row.payload = {"id": str(row.pk), **payload}
    Delivery.objects.bulk_create(rows)


def _complaints(url: str, events: Sequence[str]) -> dict[str, str]:
    fields = {}
    if complaint := _url_complaint(url):
        fields["url"] = complaint
    if not events or not set(events) <= set(WebhookEvent.values):
        fields["events"] = f"Choose at least one of {', '.join(WebhookEvent.values)}."
    return fields


def _url_complaint(url: str) -> str:
    """Why nothing may be sent there, or "". A name is looked up only when it is sent to, and each time anew."""
    try:
        URLValidator(schemes=["http", "https"])(url)
        check_address(URL(url))
    except (ValidationError, InvalidURL):
        return "Give a full http:// or https:// address, such as https://example.com/hooks/crewsite."
    except RequestFailed as refused:
        return str(refused)
    if len(url) > 500:
        return "At most 500 characters."
    host = URL(url).host.lower()
    if host in settings.ALLOWED_PRIVATE_HOSTS:
        return ""
    if host == "localhost" or not _is_public_or_name(host):
        return "This address is not public. An operator can allow it with ALLOWED_PRIVATE_HOSTS."
    return ""


def _is_public_or_name(host: str) -> bool:
    try:
        return is_public(host)
    except ValueError:
        return True
