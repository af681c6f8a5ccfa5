"""The API's operation on a team's log."""

from datetime import date
from typing import Annotated, Any

from ninja import Query, Router, Schema
from pydantic import Field

from teams.api.bearer import ApiRequest, Bearer
from teams.api.error_body import ERRORS
from teams.log.files import as_dict
from teams.log.forms import MAX_ID
from teams.log.queries import Asked, entries, page_of
from teams.models import Role

router = Router(tags=["team"])
Text = Annotated[str, Query(max_length=254)]
Before = Annotated[int | None, Query(ge=1, le=MAX_ID, description="`next` of the page before")]


class LogEntryOut(Schema):
    id: int
    at: str
    person: str = Field(description="their e-mail address then")
    person_id: int
    way: str = Field(description="page, token or command")
    token: str = Field(description="how the API token began, if it was one")
    address: str = Field(description="where the request came from: an IPv4 address or an IPv6 network")
    action: str
    object: str = Field(description="what it was done to, as it was called then")
    object_id: str
    detail: dict[str, Any] = Field(description="what it was and what it became")


class LogList(Schema):
    items: list[LogEntryOut]
    next: int | None


@router.get("", response={200: LogList, **ERRORS}, auth=Bearer(Role.OWNER))
def list_log(
    request: ApiRequest,
    person: Text = "",
    action: Text = "",
    thing: Text = "",
    since: date | None = None,
    until: date | None = None,
    before: Before = None,
) -> dict[str, object]:
    """Who did what in the team, the newest first, for 13 months. Days are in UTC, both included."""
    asked = Asked(person=person, action=action, thing=thing, since=since, until=until)
    rows, following = page_of(entries(request.auth, asked), before=before)
    return {"items": [as_dict(row) for row in rows], "next": following}
