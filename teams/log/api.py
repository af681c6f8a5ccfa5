"""The API's operation on a team's log."""

import re
from datetime import date
from typing import Annotated, Any, Literal

from ninja import Query, Router, Schema
from pydantic import BeforeValidator, Field

from teams.api.bearer import ApiRequest, Bearer
from teams.api.error_body import ERRORS
from teams.log.files import as_dict
from teams.log.forms import MAX_ID
from teams.log.queries import Asked, entries, page_of
from teams.models import Role

router = Router(tags=["team"])


def iso_day(given: Any) -> Any:
    """Only as 2026-11-29: a plain number would be taken for seconds since 1970."""
    if isinstance(given, str) and not re.fullmatch(r"\d{4}-\d\d-\d\d", given, re.ASCII):
        raise ValueError("Give a day as 2026-11-29.")
    return given


Text = Annotated[str, Query(max_length=254)]
Day = Annotated[date | None, BeforeValidator(iso_day)]
Before = Annotated[int | None, Field(ge=1, le=MAX_ID, description="`next` of the page before")]


class LogEntryOut(Schema):
    id: int
    at: str
    person: str = Field(description="their e-mail address then")
    person_id: int
    way: str = Field(description="page, token or command")
    token: str = Field(description="how the API token began, if it was one")
    address: str = Field(description="where the request came from: an IPv4 address or an IPv6 network")
    action: str
    kind: str = Field(description="of the object: the action's first word")
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
    way: Literal["", "page", "token", "command"] = "",
    since: Day = None,
    until: Day = None,
    before: Before = None,
) -> dict[str, object]:
    """Who did what in the team, the newest first, for 13 months. Days are in UTC, both included."""
    asked = Asked(person=person, action=action, thing=thing, way=way, since=since, until=until)
    rows, following = page_of(entries(request.auth, asked), before=before)
    return {"items": [as_dict(row) for row in rows], "next": following}
