"""The API's operations on reports by mail: which ones the token's person gets of the team."""

from ninja import Router, Schema
from pydantic import Field, StrictBool

from runs.models import ReportKind, ReportWish
from runs.reports import actions
from teams.access import visible_to
from teams.api.bearer import ApiRequest, Bearer
from teams.api.error_body import ERRORS
from teams.api.request_body import Strict
from teams.models import Role
from teams.texts.times import time_text

router = Router(tags=["reports"])


class ReportChoice(Strict):
    week: StrictBool = Field(description="each Monday, of the week before")
    month: StrictBool = Field(description="on the first of each month, of the month before")


class ReportChoiceOut(Schema):
    """Since when; null: not chosen."""

    week: str | None
    month: str | None


@router.get("", response={200: ReportChoiceOut, **ERRORS}, auth=Bearer(Role.VIEWER))
def get_report_choice(request: ApiRequest) -> dict[str, object]:
    """Which reports of the team the token's person gets by mail."""
    wish = visible_to(request.auth, ReportWish).filter(user=request.auth.user).first()
    return {
        "week": None if wish is None else time_text(wish.week_since),
        "month": None if wish is None else time_text(wish.month_since),
    }


@router.put("", response={200: ReportChoiceOut, **ERRORS}, auth=Bearer(Role.RUNNER))
def put_report_choice(request: ApiRequest, body: ReportChoice) -> dict[str, object]:
    """Says which reports the token's person gets from now on."""
    actions.choose(request.auth, [kind for kind in ReportKind if getattr(body, kind.value)])
    return get_report_choice(request)
