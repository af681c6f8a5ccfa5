"""The API's operations on alerts about budgets."""

from typing import Literal

from ninja import Router, Schema, Status
from pydantic import Field

from runs.api_fields import TimeText, UsdText
from runs.models import Alert
from runs.notices import alerts
from teams.access import fetch
from teams.api.bearer import ApiRequest, Bearer
from teams.api.error_body import ERRORS
from teams.models import Role

router = Router(tags=["limits"])


class BudgetAlertOut(Schema):
    id: int
    kind: Literal["team", "member"] = Field(description="whose budget it is")
    person: str | None = Field(description="the member whose budget it is; null for the team's")
    month: str = Field(examples=["2026-11"])
    threshold: int = Field(description="percent of the budget that was passed")
    budget_usd: UsdText = Field(validation_alias="budget_nusd")
    spent_usd: UsdText = Field(validation_alias="spent_nusd", description="when the alert was made")
    reserved_usd: UsdText = Field(validation_alias="reserved_nusd")
    words: str
    made_at: TimeText

    @staticmethod
    def resolve_person(alert: Alert) -> str | None:
        return None if alert.user is None else str(alert.user)

    @staticmethod
    def resolve_month(alert: Alert) -> str:
        return f"{alert.month:%Y-%m}"


class BudgetAlertList(Schema):
    items: list[BudgetAlertOut]
    next: str | None = None


@router.get("", response={200: BudgetAlertList, **ERRORS}, auth=Bearer(Role.VIEWER))
def list_alerts(request: ApiRequest) -> dict[str, object]:
    """The newest alerts about budgets that you may see, put away or not: the team's, your own, and as an owner all."""
    return {"items": alerts.listed(request.auth), "next": None}


@router.post("/{int:alert_id}/dismiss", response={204: None, **ERRORS}, auth=Bearer(Role.RUNNER))
def dismiss_alert(request: ApiRequest, alert_id: int) -> Status[None]:
    """Puts an alert away on the pages of the token's person alone. Once more changes nothing."""
    alerts.dismiss(request.auth, fetch(Alert, request.auth, pk=alert_id))
    return Status(204, None)
