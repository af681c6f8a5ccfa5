"""The API's operation that takes somebody out of a team."""

from ninja import Router, Status
from pydantic import Field, StrictBool

from runs.leaving.actions import leave
from teams.access import fetch
from teams.api.bearer import ApiRequest, Bearer
from teams.api.error_body import ERRORS
from teams.api.request_body import Strict
from teams.models import Membership, Role

router = Router(tags=["team"])


class LeaveIn(Strict):
    cancel_runs: StrictBool = Field(description="ask their runs under way to end; otherwise they go on")


@router.post("/{int:member_id}/remove", response={204: None, **ERRORS}, auth=Bearer(Role.OWNER))
def remove_member(request: ApiRequest, member_id: int, body: LeaveIn) -> Status[None]:
    """Takes somebody out of the team: their tokens stop, what they made stays."""
    found = fetch(Membership, request.auth, Role.OWNER, pk=member_id)
    leave(request.auth, found, cancel_runs=body.cancel_runs)
    return Status(204, None)
