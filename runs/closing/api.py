"""The API's operations on closed bills. The rules are those of the pages."""

from typing import Annotated

from django.http import HttpResponse
from ninja import Path, Query, Router, Status

from runs.api_csv import wants_csv
from runs.closing.actions import close_month
from runs.closing.files import file_of
from runs.closing.queries import closed_bill, closing_log, month_or_404
from runs.closing.rates import rate_of
from runs.closing.schemas import MONTH, ClosedBillOut, ClosingList
from runs.models import ClosedBill
from teams.api.bearer import ApiRequest, Bearer
from teams.api.error_body import ERRORS
from teams.api.idempotency import once
from teams.models import Role

router = Router(tags=["bills"])

Month = Annotated[str, Path(pattern=MONTH, description="such as 2026-10")]


@router.get("/closed", response={200: ClosingList, **ERRORS}, auth=Bearer(Role.VIEWER))
def list_closed_bills(request: ApiRequest) -> dict[str, object]:
    """The log of closed bills, which only grows: who closed which month when, the last one first."""
    return {"items": closing_log(request.auth), "next": None}


@router.post("/{month}/close", response={201: ClosedBillOut, **ERRORS}, auth=Bearer(Role.OWNER))
def close_bill(request: ApiRequest, month: Month) -> Status[ClosedBill]:
    """Closes a month that is over and has no open calls. Its bill becomes a frozen copy; it is never opened again."""
    which = month_or_404(month)
    made = once(request, lambda: {"id": close_month(request.auth, which, token=request.api_token).pk})
    return Status(201, ClosedBill.objects.get(pk=made["id"]))


@router.get(
    "/{month}/document",
    response={200: dict, **ERRORS},
    auth=Bearer(Role.VIEWER),
    openapi_extra={
        "responses": {
            200: {
                "description": "the frozen document: JSON, or its lines as CSV where `Accept` asks for `text/csv`",
                "content": {"text/csv": {"schema": {"type": "string"}}, "application/json": {}},
            }
        }
    },
)
def get_closed_bill(
    request: ApiRequest,
    month: Month,
    currency: Annotated[str, Query(max_length=3, description="for CSV: another currency to show")] = "",
    rate: Annotated[str, Query(max_length=20, description="for CSV: what one dollar is in it")] = "",
) -> HttpResponse:
    """The frozen document of a closed bill. Its bytes never change, and `sha256` is of the JSON's."""
    bill = closed_bill(request.auth, month_or_404(month))
    return file_of(bill, "csv" if wants_csv(request) else "json", rate_of({"currency": currency, "rate": rate}))
