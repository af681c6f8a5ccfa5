"""The API's operation on what provider keys were used for. The figures are those of the page."""

from __future__ import annotations

from ninja import Router, Schema
from pydantic import Field

from runs.key_use.queries import KeyUse, key_use
from runs.money import usd_text
from teams.api.bearer import ApiRequest, Bearer
from teams.api.error_body import ERRORS
from teams.models import Role
from teams.texts.times import time_text

router = Router(tags=["providers"])


class KeyUseOut(Schema):
    id: int
    provider: str
    name: str
    last_used_at: str | None
    calls: int = Field(description="of this month, in UTC; real ones")
    spent_usd: str
    unpriced_calls: int = Field(description="`spent_usd` lacks their cost")
    spent_last_month_usd: str
    runs_on_old_secret: int = Field(description="under way that may have begun before the secret was replaced")


class KeyUseList(Schema):
    items: list[KeyUseOut]
    next: str | None = None


@router.get("/use", response={200: KeyUseList, **ERRORS}, auth=Bearer(Role.VIEWER))
def list_key_use(request: ApiRequest) -> dict[str, object]:
    """When each of the team's provider keys was last used, and what was spent with it."""
    return {"items": [_answer(use) for use in key_use(request.auth)], "next": None}


def _answer(use: KeyUse) -> dict[str, object]:
    return {
        "id": use.key.pk,
        "provider": use.key.provider,
        "name": use.key.name,
        "last_used_at": time_text(use.last_used_at) if use.last_used_at else None,
        "calls": use.now.calls,
        "spent_usd": usd_text(use.now.spent_nusd),
        "unpriced_calls": use.now.unpriced_calls,
        "spent_last_month_usd": usd_text(use.before.spent_nusd),
        "runs_on_old_secret": use.on_old_secret,
    }
