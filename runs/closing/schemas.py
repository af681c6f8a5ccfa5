"""What the API answers about closed bills."""

from ninja import Schema
from pydantic import Field

from runs.api_fields import TextOrNull, TimeText, UsdText
from runs.models import ClosedBill, ClosingEntry

MONTH = r"^[0-9]{4}-(0[1-9]|1[0-2])$"


class ClosedBillOut(Schema):
    number: int = Field(description="counts the team's closed bills, in the order in which they were closed")
    month: str
    state: str = Field("closed", description="a closed bill is never opened again")
    total_usd: UsdText = Field(validation_alias="total_nusd")
    closed_at: TimeText
    sha256: str = Field(description="of the document's bytes, as GET /bills/{month}/document gives them")

    @staticmethod
    def resolve_month(bill: ClosedBill) -> str:
        return f"{bill.month:%Y-%m}"


class ClosingOut(ClosedBillOut):
    closed_by: str = Field(description="a name and an address, as they were")
    api_token: TextOrNull = Field(validation_alias="by_token", description="null: it was done on a page")

    @staticmethod
    def resolve_month(bill: ClosingEntry) -> str:  # type: ignore[override]
        return f"{bill.month:%Y-%m}"


class ClosingList(Schema):
    items: list[ClosingOut]
    next: str | None = None
