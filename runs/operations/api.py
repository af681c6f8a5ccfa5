"""The API's operation on how the application runs: the figures of the page of workers."""

from typing import Literal

from ninja import Router

from runs.operations.queries import Operations, operations
from runs.operations.schemas import OperationsOut
from teams.access import sees_all
from teams.api.bearer import ApiRequest, Bearer
from teams.api.error_body import ERRORS
from teams.models import Role

router = Router(tags=["operations"])


@router.get("", response={200: OperationsOut, **ERRORS}, auth=Bearer(Role.VIEWER))
def get_operations(request: ApiRequest, scope: Literal["", "team", "installation"] = "") -> Operations:
    """How the application runs now: queue, runs in progress, stuck runs and workers. Figures are the token's team's;
    staff see the whole installation unless they ask for ``scope=team``."""
    whole = scope == "installation" or (not scope and sees_all(request.auth))
    return operations(request.auth, whole=whole)
