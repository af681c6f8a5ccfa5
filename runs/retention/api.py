"""The API's operations on how long a team keeps the texts of its runs."""

from ninja import Router, Schema
from pydantic import Field, StrictInt

from runs.retention.actions import MAX_DAYS, keep_texts
from teams.api.bearer import ApiRequest, Bearer
from teams.api.error_body import ERRORS
from teams.api.request_body import Strict
from teams.models import Role

router = Router(tags=["limits"])


class KeptTextsIn(Strict):
    days: StrictInt | None = Field(ge=1, le=MAX_DAYS, description="after a run's end; null keeps its texts for ever")


class KeptTextsOut(Schema):
    days: int | None = Field(description="null: for ever")


@router.get("/texts", response={200: KeptTextsOut, **ERRORS}, auth=Bearer(Role.VIEWER))
def get_kept_texts(request: ApiRequest) -> dict[str, object]:
    """How long texts of ended runs are kept. What runs used, cost and took is never removed."""
    return {"days": request.auth.team.keep_texts_days}


@router.put("/texts", response={200: KeptTextsOut, **ERRORS}, auth=Bearer(Role.OWNER))
def put_kept_texts(request: ApiRequest, body: KeptTextsIn) -> dict[str, object]:
    """Sets how long texts of ended runs are kept. Older ones are removed within minutes, for good."""
    keep_texts(request.auth, body.days)
    return {"days": request.auth.team.keep_texts_days}
