"""The API's operations on a team and its people. A token acts in its own team alone, so none makes another team."""

from typing import Any

from ninja import Router, Schema, Status
from pydantic import Field, StrictBool, StrictInt

from teams import queries
from teams.access import Principal, fetch
from teams.api.bearer import ApiRequest, Bearer
from teams.api.error_body import ERRORS
from teams.api.request_body import Strict
from teams.invitations import actions as invitations
from teams.invitations.mail import delivered
from teams.models import Invitation, Membership, Role
from teams.people import actions
from teams.refusals import Invalid
from teams.texts.names import MAX_NAME_CHARS
from teams.texts.times import time_text

team_router, members_router, invitations_router = (Router(tags=["team"]) for _ in range(3))
ROLES = [label for _, label in Role.choices]
ROLE_FIELD: dict[str, Any] = {"enum": ROLES}


class TeamIn(Strict):
    name: str = Field(min_length=1, max_length=MAX_NAME_CHARS)


class TeamOut(Schema):
    slug: str = Field(description="stays when the team is renamed")
    name: str
    role: str = Field(description="what this token may do: the smaller of its scope and its person's role")
    wants_second_step: bool = Field(description="whether pages show it only to who has a passkey or an app")


class RoleIn(Strict):
    role: str = Field(json_schema_extra=ROLE_FIELD)


class TeamMemberOut(Schema):
    id: int
    email: str
    name: str
    role: str = Field(json_schema_extra=ROLE_FIELD)
    since: str
    second_step: bool | None = Field(description="whether they have a passkey or an app; null: owners alone are told")


class MemberList(Schema):
    items: list[TeamMemberOut]
    next: str | None = None


class InvitationIn(Strict):
    email: str = Field("", max_length=254, description="only this address can accept; empty: whoever has the link")
    role: str = Field("runner", json_schema_extra=ROLE_FIELD)
    days: StrictInt = Field(invitations.USUAL_DAYS, ge=1, le=invitations.MAX_DAYS, description="how long it works")
    mail: StrictBool = Field(False, description="mail the link instead of showing it: it makes an account too")


class InvitationOut(Schema):
    id: int
    email: str
    role: str = Field(json_schema_extra=ROLE_FIELD)
    created_at: str
    expires_at: str


class NewInvitationOut(InvitationOut):
    link: str | None = Field(description="shown now and never again; null if it was mailed, and is shown to nobody")
    mailed: bool | None = Field(description="whether the mail server took it; null if that was not asked for")


class InvitationList(Schema):
    items: list[InvitationOut]
    next: str | None = None


@team_router.get("", response={200: TeamOut, **ERRORS}, auth=Bearer(Role.VIEWER))
def get_team(request: ApiRequest) -> dict[str, object]:
    """The team in which the token acts."""
    return _team(request.auth)


@team_router.patch("", response={200: TeamOut, **ERRORS}, auth=Bearer(Role.OWNER))
def patch_team(request: ApiRequest, body: TeamIn) -> dict[str, object]:
    """Gives the team another name. Its address stays."""
    actions.rename_team(request.auth, name=body.name)
    return _team(request.auth)


@members_router.get("", response={200: MemberList, **ERRORS}, auth=Bearer(Role.VIEWER))
def list_members(request: ApiRequest) -> dict[str, object]:
    """Who is in the team, in which role. Programs have a list of their own."""
    return {"items": [_member(request.auth, one) for one in queries.people(request.auth)], "next": None}


@members_router.put("/{int:member_id}/role", response={200: TeamMemberOut, **ERRORS}, auth=Bearer(Role.OWNER))
def put_member_role(request: ApiRequest, member_id: int, body: RoleIn) -> dict[str, object]:
    """Gives a member another role, which acts with their next request."""
    found = fetch(Membership, request.auth, Role.OWNER, pk=member_id)
    changed = actions.change_role(request.auth, found, role=_role(body.role))
    return _member(request.auth, queries.with_second_steps(queries.members(request.auth)).get(pk=changed.pk))


@members_router.post("/{int:member_id}/hand-over", response={204: None, **ERRORS}, auth=Bearer(Role.OWNER))
def hand_over_team(request: ApiRequest, member_id: int) -> Status[None]:
    """Makes a member an owner, and the token's person an editor."""
    actions.hand_over(request.auth, fetch(Membership, request.auth, Role.OWNER, pk=member_id))
    return Status(204, None)


@invitations_router.get("", response={200: InvitationList, **ERRORS}, auth=Bearer(Role.OWNER))
def list_invitations(request: ApiRequest) -> dict[str, object]:
    """The invitations that are open, without their links."""
    return {"items": [_invitation(one) for one in queries.open_invitations(request.auth)], "next": None}


@invitations_router.post("", response={201: NewInvitationOut, **ERRORS}, auth=Bearer(Role.OWNER))
def create_invitation(request: ApiRequest, body: InvitationIn) -> Status[dict[str, object]]:
    """Makes an invitation. There is no ``Idempotency-Key``: the link is kept nowhere, so it cannot be said twice."""
    made, secret = invitations.invite(
        request.auth, role=_role(body.role), email=body.email, days=body.days, by_mail=body.mail
    )
    link, mailed = delivered(request.auth, made, secret, by_mail=body.mail)
    made.refresh_from_db(fields=["created_at"])
    return Status(201, _invitation(made) | {"link": link, "mailed": mailed})


@invitations_router.delete("/{int:invitation_id}", response={204: None, **ERRORS}, auth=Bearer(Role.OWNER))
def delete_invitation(request: ApiRequest, invitation_id: int) -> Status[None]:
    """Withdraws an invitation. Its link is dead at once."""
    invitations.withdraw(request.auth, fetch(Invitation, request.auth, Role.OWNER, pk=invitation_id))
    return Status(204, None)


def _role(label: str) -> Role:
    if label not in ROLES:
        raise Invalid("There is no such role.", fields={"role": f"Choose one of {', '.join(ROLES)}."})
    return next(role for role in Role if role.label == label)


def _team(who: Principal) -> dict[str, object]:
    return {
        "slug": who.team.slug,
        "name": who.team.name,
        "role": who.role.label,
        "wants_second_step": who.team.wants_second_step,
    }


def _member(who: Principal, one: Membership) -> dict[str, object]:
    return {
        "id": one.pk,
        "email": one.user.email,
        "name": one.user.name,
        "role": one.get_role_display(),
        "since": time_text(one.created_at),
        "second_step": one.has_second_step if who.can_own else None,  # type: ignore[attr-defined]
    }


def _invitation(one: Invitation) -> dict[str, object]:
    return {
        "id": one.pk,
        "email": one.email,
        "role": one.get_role_display(),
        "created_at": time_text(one.created_at),
        "expires_at": time_text(one.expires_at),
    }
