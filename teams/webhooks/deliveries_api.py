"""The API's operations on what was sent to webhooks, for owners: what was answered, and sending it again."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import Q
from ninja import Router, Schema, Status
from pydantic import Field

from teams.access import fetch
from teams.api.bearer import ApiRequest, Bearer
from teams.api.error_body import ERRORS
from teams.models import Delivery, Role, Webhook
from teams.refusals import Invalid
from teams.texts.times import time_text
from teams.webhooks import actions

router = Router(tags=["webhooks"])
MAX_DELIVERIES = 200


class DeliveryOut(Schema):
    id: UUID = Field(description="the same at every try, as `webhook-id`")
    event: str
    payload: dict[str, Any] = Field(description="what is sent")
    state: str = Field(json_schema_extra={"enum": ["due", "sent", "failed"]}, description="failed: given up")
    attempts: int = Field(description="tries since it was made or last sent again")
    status: int | None = Field(description="the receiver's HTTP status at the last try")
    error: str = Field(description="why the last try failed; empty if it did not")
    response: str = Field(description="the beginning of the receiver's answer")
    created_at: str
    tried_at: str | None
    next_try_at: str | None


class DeliveryList(Schema):
    items: list[DeliveryOut]
    next: str | None = None


@router.get("/{int:webhook_id}/deliveries", response={200: DeliveryList, **ERRORS}, auth=Bearer(Role.OWNER))
def list_deliveries(request: ApiRequest, webhook_id: int, cursor: str = "", limit: int = 50) -> dict[str, object]:
    """What was or is to be sent to a webhook, the newest first. What was sent is kept for 30 days."""
    webhook = fetch(Webhook, request.auth, Role.OWNER, pk=webhook_id)
    found = Delivery.objects.filter(webhook=webhook).order_by("-created_at", "-pk")
    if cursor:
        last = _named(webhook, cursor)
        found = found.filter(Q(created_at__lt=last.created_at) | Q(created_at=last.created_at, pk__lt=last.pk))
    limit = max(1, min(limit, MAX_DELIVERIES))
    shown = list(found[: limit + 1])
    more = str(shown[limit - 1].pk) if len(shown) > limit else None
    return {"items": [_delivery(one) for one in shown[:limit]], "next": more}


@router.post(
    "/{int:webhook_id}/deliveries/{uuid:delivery_id}/replay",
    response={202: DeliveryOut, **ERRORS},
    auth=Bearer(Role.OWNER),
)
def replay_delivery(request: ApiRequest, webhook_id: int, delivery_id: UUID) -> Status[dict[str, object]]:
    """Sends it again, soon, with as many tries as a new one. Its id stays, so that the receiver recognises it."""
    delivery = fetch(Delivery, request.auth, Role.OWNER, pk=delivery_id, webhook=webhook_id)
    actions.send_again(request.auth, delivery)
    delivery.refresh_from_db()
    return Status(202, _delivery(delivery))


def _named(webhook: Webhook, cursor: str) -> Delivery:
    try:
        return Delivery.objects.get(webhook=webhook, pk=UUID(cursor))
    except (ValueError, Delivery.DoesNotExist):
        raise Invalid("The cursor is not one of ours.", fields={"cursor": "Start from the first page."}) from None


def _delivery(one: Delivery) -> dict[str, object]:
    return {
        "id": one.pk,
        "event": one.event,
        "payload": one.payload,
        "state": one.state,
        "attempts": one.attempts,
        "status": one.status,
        "error": one.error,
        "response": one.response,
        "created_at": time_text(one.created_at),
        "tried_at": time_text(one.tried_at),
        "next_try_at": time_text(one.next_try_at),
    }
