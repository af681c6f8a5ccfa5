"""The API's operations on webhooks, for owners. The rules are those of the page."""

from ninja import Router, Schema, Status
from pydantic import Field, StrictBool

from teams import queries
from teams.access import fetch
from teams.api.bearer import ApiRequest, Bearer
from teams.api.error_body import ERRORS
from teams.api.request_body import Strict
from teams.models import Role, Webhook, WebhookEvent
from teams.texts.times import time_text
from teams.webhooks import actions

router = Router(tags=["webhooks"])


class WebhookIn(Strict):
    url: str = Field(max_length=500)
    events: list[WebhookEvent] = Field(min_length=1, description="what it is told of")


class WebhookChange(Strict):
    active: StrictBool = Field(description="while it is off, nothing is sent, and nothing new is kept for it")


class WebhookOut(Schema):
    id: int
    url: str
    events: list[str]
    active: bool
    created_at: str
    due: int = Field(description="deliveries that are still to be sent")
    failed: int = Field(description="deliveries that were given up")


class NewWebhookOut(WebhookOut):
    secret: str = Field(description="signs what is sent; shown now and never again")


class WebhookList(Schema):
    items: list[WebhookOut]
    next: str | None = None


@router.get("", response={200: WebhookList, **ERRORS}, auth=Bearer(Role.OWNER))
def list_webhooks(request: ApiRequest) -> dict[str, object]:
    """The team's webhooks, without their secrets."""
    return {"items": [_webhook(one) for one in queries.webhooks(request.auth)], "next": None}


@router.post("", response={201: NewWebhookOut, **ERRORS}, auth=Bearer(Role.OWNER))
def create_webhook(request: ApiRequest, body: WebhookIn) -> Status[dict[str, object]]:
    """Makes a webhook. There is no ``Idempotency-Key``: the secret is shown once, so it cannot be said twice."""
    made, secret = actions.add_webhook(request.auth, url=body.url, events=body.events)
    return Status(201, {**_webhook(queries.webhooks(request.auth).get(pk=made.pk)), "secret": secret})


@router.patch("/{int:webhook_id}", response={200: WebhookOut, **ERRORS}, auth=Bearer(Role.OWNER))
def patch_webhook(request: ApiRequest, webhook_id: int, body: WebhookChange) -> dict[str, object]:
    """Turns a webhook off or on again."""
    found = fetch(Webhook, request.auth, Role.OWNER, pk=webhook_id)
    actions.set_active(request.auth, found, active=body.active)
    return _webhook(queries.webhooks(request.auth).get(pk=found.pk))


@router.delete("/{int:webhook_id}", response={204: None, **ERRORS}, auth=Bearer(Role.OWNER))
def delete_webhook(request: ApiRequest, webhook_id: int) -> Status[None]:
    """Removes a webhook, with all that was to be sent to it."""
    actions.remove_webhook(request.auth, fetch(Webhook, request.auth, Role.OWNER, pk=webhook_id))
    return Status(204, None)


@router.post("/{int:webhook_id}/test", response={202: WebhookOut, **ERRORS}, auth=Bearer(Role.OWNER))
def test_webhook(request: ApiRequest, webhook_id: int) -> Status[dict[str, object]]:
    """Sends a test event, soon."""
    found = fetch(Webhook, request.auth, Role.OWNER, pk=webhook_id)
    actions.send_test(request.auth, found)
    return Status(202, _webhook(queries.webhooks(request.auth).get(pk=found.pk)))


def _webhook(one: Webhook) -> dict[str, object]:
    return {
        "id": one.pk,
        "url": one.url,
        "events": one.events,
        "active": one.active,
        "created_at": time_text(one.created_at),
        "due": one.due,  # type: ignore[attr-defined]
        "failed": one.failed,  # type: ignore[attr-defined]
    }
