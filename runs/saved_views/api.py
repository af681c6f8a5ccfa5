"""The API's operations on saved views of the list of runs. The rules are those of the page."""

from django.http import Http404
from ninja import Router, Schema, Status
from pydantic import Field, StrictBool

from runs.history.orders import ORDERS
from runs.models import SavedView
from runs.named.actions import MAX_NAME_CHARS
from runs.named.queries import seen_by
from runs.saved_views import actions
from teams.api.bearer import ApiRequest, Bearer
from teams.api.error_body import ERRORS
from teams.api.idempotency import once
from teams.api.request_body import Strict
from teams.models import Role
from teams.texts.times import time_text

router = Router(tags=["runs"])


class ViewIn(Strict):
    name: str = Field(min_length=1, max_length=MAX_NAME_CHARS)
    q: str = Field("", max_length=500, description="the typed filter, as in `GET /runs`", examples=["status:failed"])
    sort: str = Field("newest", json_schema_extra={"enum": list(ORDERS)})
    columns: str = Field("", max_length=200, description="with commas between them; empty: the usual ones")
    team: StrictBool = Field(False, description="the team's, for editors; else your own")
    replace: StrictBool = Field(False, description="takes the place of one of the same name, which else is 409")


class ViewName(Strict):
    name: str = Field(min_length=1, max_length=MAX_NAME_CHARS)


class ViewOut(Schema):
    id: int
    name: str
    q: str
    sort: str
    columns: str
    team: bool = Field(description="whether it is the team's; else it is your own")
    changed_at: str

    @staticmethod
    def of(view: SavedView) -> "ViewOut":
        return ViewOut(
            id=view.pk,
            name=view.name,
            q=view.q,
            sort=view.sort,
            columns=view.columns,
            team=view.owner_id is None,
            changed_at=time_text(view.changed_at),
        )


class ViewList(Schema):
    items: list[ViewOut]
    next: str | None = None


@router.get("", response={200: ViewList, **ERRORS}, auth=Bearer(Role.VIEWER))
def list_views(request: ApiRequest) -> ViewList:
    """The team's saved views of the list of runs, and your own."""
    return ViewList(items=[ViewOut.of(view) for view in seen_by(request.auth, SavedView)])


@router.post("", response={201: ViewOut, **ERRORS}, auth=Bearer(Role.RUNNER))
def create_view(request: ApiRequest, body: ViewIn) -> Status[ViewOut]:
    """Saves a filter, an order and columns under a name."""
    shown = actions.Shown(body.q, body.sort, body.columns)

    def made() -> dict[str, object]:
        view = actions.save_view(request.auth, body.name, shown, for_team=body.team, replace=body.replace)
        view.refresh_from_db()
        return ViewOut.of(view).model_dump()

    return Status(201, ViewOut(**once(request, made)))


@router.patch("/{int:view_id}", response={200: ViewOut, **ERRORS}, auth=Bearer(Role.RUNNER))
def patch_view(request: ApiRequest, view_id: int, body: ViewName) -> ViewOut:
    """Gives a saved view another name."""
    return ViewOut.of(actions.rename_view(request.auth, _view(request, view_id), body.name))


@router.delete("/{int:view_id}", response={204: None, **ERRORS}, auth=Bearer(Role.RUNNER))
def delete_view(request: ApiRequest, view_id: int) -> Status[None]:
    """Removes a saved view. The runs stay."""
    actions.remove_view(request.auth, _view(request, view_id))
    return Status(204, None)


def _view(request: ApiRequest, pk: int) -> SavedView:
    """Raises ``Http404`` also for another person's own."""
    view = seen_by(request.auth, SavedView).filter(pk=pk).first()
    if view is None:
        raise Http404("No such view.")
    return view
