"""The API's operations on programs: members of a team that are no persons."""

from datetime import timedelta
from typing import Any

from ninja import Router, Schema, Status
from pydantic import Field, StrictInt

from teams import queries
from teams.access import fetch
from teams.actions import issue_token
from teams.api.bearer import ApiRequest, Bearer
from teams.api.error_body import ERRORS
from teams.api.idempotency import once
from teams.api.request_body import Strict
from teams.models import Membership, Role, Scope
from teams.programs import actions
from teams.texts.names import MAX_NAME_CHARS
from teams.texts.times import time_text

router = Router(tags=["team"])
ROLES = {role.label: role for role in actions.ROLES}
ROLE_FIELD: dict[str, Any] = {"enum": list(ROLES)}


class ProgramIn(Strict):
    name: str = Field(min_length=1, max_length=MAX_NAME_CHARS)
    role: str = Field("runner", json_schema_extra=ROLE_FIELD)


class ProgramTokenIn(Strict):
    name: str = Field("", max_length=80, description="what it is for")
    scope: Scope = Field(Scope.RUN, description="no wider than the program's role")
    days: StrictInt | None = Field(90, ge=1, le=3650, description="how long it works; null: without an end")


class ProgramOut(Schema):
    id: int = Field(
        description="of its membership: `/members/{id}/role` gives it another role, `/members/{id}/remove` removes it"
    )
    name: str
    address: str = Field(description="by which bills and the log tell it apart; it gets no mail")
    role: str = Field(json_schema_extra=ROLE_FIELD)
    tokens: int = Field(description="that work now")
    since: str


class ProgramList(Schema):
    items: list[ProgramOut]
    next: str | None = None


class ProgramTokenOut(Schema):
    id: int
    token: str = Field(description="shown now and never again")
    scope: str
    expires_at: str | None


@router.get("", response={200: ProgramList, **ERRORS}, auth=Bearer(Role.OWNER))
def list_programs(request: ApiRequest) -> dict[str, object]:
    """The team's programs: members that are no persons, which nobody's leaving stops."""
    return {"items": [_program(one) for one in queries.programs(request.auth)], "next": None}


@router.post("", response={201: ProgramOut, **ERRORS}, auth=Bearer(Role.OWNER))
def create_program(request: ApiRequest, body: ProgramIn) -> Status[dict[str, object]]:
    """Makes a program. It acts by the tokens that are made for it."""
    role = ROLES.get(body.role, Role.OWNER)

    def made() -> dict[str, object]:
        program = actions.make_program(request.auth, name=body.name, role=role)
        return _program(queries.programs(request.auth).get(pk=program.pk))

    return Status(201, once(request, made))


@router.post("/{int:program_id}/tokens", response={201: ProgramTokenOut, **ERRORS}, auth=Bearer(Role.OWNER))
def create_program_token(request: ApiRequest, program_id: int, body: ProgramTokenIn) -> Status[dict[str, object]]:
    """Makes a token of a program. There is no ``Idempotency-Key``: the token is kept nowhere, so it cannot be said
    twice."""
    program = fetch(Membership, request.auth, Role.OWNER, pk=program_id, user__is_program=True)
    life = None if body.days is None else timedelta(days=body.days)
    token, secret = issue_token(request.auth, name=body.name, scope=body.scope, life=life, program=program)
    ends = time_text(token.expires_at) if token.expires_at else None
    return Status(201, {"id": token.pk, "token": secret, "scope": token.scope, "expires_at": ends})


def _program(one: Membership) -> dict[str, object]:
    return {
        "id": one.pk,
        "name": one.user.name,
        "address": one.user.email,
        "role": one.get_role_display(),
        "tokens": one.tokens,  # type: ignore[attr-defined]
        "since": time_text(one.created_at),
    }
