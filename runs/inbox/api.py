"""The API's operations on the inbox of the token's person, in the token's team. The rules are those of the page."""

from typing import Annotated, Any

from django.http import Http404
from ninja import Router, Status
from pydantic import Field

from runs.inbox import actions, queries
from runs.inbox.schemas import InboxChoiceIn, InboxChoiceOut, ReadOut, ToldList, ToldOut, UnreadOut
from teams.api.bearer import ApiRequest, Bearer
from teams.api.error_body import ERRORS
from teams.models import Role

router = Router(tags=["inbox"])
MAX_ID = 2**63 - 1
Before = Annotated[int | None, Field(ge=1, le=MAX_ID, description="`next` of the page before")]


@router.get("", response={200: ToldList, **ERRORS}, auth=Bearer(Role.VIEWER))
def list_inbox(request: ApiRequest, new: bool = False, before: Before = None) -> dict[str, Any]:
    """What the token's person was told in this team, the newest first; with `new=true` only what they have not read.
    Looking reads nothing. A program has no inbox: its list stays empty."""
    told, following = queries.page_of_inbox(request.auth, only_new=new, before=before)
    unread = queries.unread(request.auth).count()
    return {"items": [ToldOut.of(one) for one in told], "next": following, "unread": unread}


@router.get("/unread", response={200: UnreadOut, **ERRORS}, auth=Bearer(Role.VIEWER))
def count_unread(request: ApiRequest) -> dict[str, int]:
    """How much in the inbox is new."""
    return {"unread": queries.unread(request.auth).count()}


@router.post("/read", response={200: ReadOut, **ERRORS}, auth=Bearer(Role.RUNNER))
def read_inbox(request: ApiRequest) -> dict[str, int]:
    """Puts all of the inbox away as read; it is in no mail then."""
    return {"read": actions.read_all(request.auth)}


@router.post("/{int:entry_id}/read", response={204: None, **ERRORS}, auth=Bearer(Role.RUNNER))
def read_entry(request: ApiRequest, entry_id: int) -> Status[None]:
    """Puts one entry of the inbox away as read. Once more changes nothing."""
    entry = queries.entry(request.auth, entry_id)
    if entry is None:
        raise Http404("No such entry.")
    actions.read(request.auth, entry)
    return Status(204, None)


@router.get("/choice", response={200: InboxChoiceOut, **ERRORS}, auth=Bearer(Role.VIEWER))
def get_inbox_choice(request: ApiRequest) -> InboxChoiceOut:
    """What the token's person chose to be told of in this team."""
    return InboxChoiceOut.of(queries.choice_of(request.auth))


@router.put("/choice", response={200: InboxChoiceOut, **ERRORS}, auth=Bearer(Role.RUNNER))
def put_inbox_choice(request: ApiRequest, body: InboxChoiceIn) -> InboxChoiceOut:
    """Chooses what the token's person is told of, from now on. A program is told nothing (422)."""
    return InboxChoiceOut.of(actions.choose(request.auth, body.wish, by_mail=body.by_mail))
