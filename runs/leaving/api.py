"""The API's operation that takes somebody out of a team."""

from ninja import Router, Status

from runs.leaving.actions import leave
from teams.access import fetch
from teams.api.bearer import ApiRequest, Bearer
from teams.api.error_body import ERRORS
from teams.models import Membership, Role

router = Router(tags=["team"])


@router.delete("/{int:member_id}", response={204: None, **ERRORS}, auth=Bearer(Role.OWNER))
def delete_member(request: ApiRequest, member_id: int, cancel_runs: bool = False) -> Status[None]:
    """Takes somebody out of the team: their tokens stop, what they made stays. With ``cancel_runs`` their runs under
    way are asked to end; otherwise they go on."""
    leave(request.auth, fetch(Membership, request.auth, Role.OWNER, pk=member_id), cancel_runs=cancel_runs)
    return Status(204, None)
