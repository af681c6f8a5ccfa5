"""The API's operation on how the application runs: the figures of the page of workers."""

from ninja import Router

from runs.operations.queries import Operations, operations
from runs.operations.schemas import OperationsOut
from teams.access import sees_all
from teams.api.bearer import ApiRequest, Bearer
from teams.api.error_body import ERRORS
from teams.models import Role
from teams.refusals import Invalid

router = Router(tags=["operations"])

SCOPES = ("team", "installation")


@router.get("", response={200: OperationsOut, **ERRORS}, auth=Bearer(Role.VIEWER))
def get_operations(request: ApiRequest, scope: str = "") -> Operations:
    """How the application runs now: queue, runs in progress, stuck runs and workers. Figures are the token's team's;
    staff see the whole installation unless they ask for ``scope=team``."""
    if scope and scope not in SCOPES:
        raise Invalid("Unknown scope.", fields={"scope": f"Use one of {', '.join(SCOPES)}."})
    whole = scope == "installation" or (not scope and sees_all(request.auth))
    return operations(request.auth, whole=whole)
