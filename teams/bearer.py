"""What every API operation shares: the bearer token with the role it needs, strict bodies, the error's shape,
idempotency.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from ninja import Schema
from ninja.security import HttpBearer
from pydantic import ConfigDict, Field, ValidationError

from teams.access import Principal
from teams.actions import principal_of_token
from teams.models import ApiToken, IdempotentAnswer, Role
from teams.refusals import Conflict, Invalid

IDEMPOTENCY_HEADER = "Idempotency-Key"


class ApiRequest(HttpRequest):
    """A request whose token was accepted: ``auth`` is who acts."""

    auth: Principal
    api_token: ApiToken


class Bearer(HttpBearer):
    """``Authorization: Bearer <token>`` of a person with at least this role, by the token's scope too."""

    openapi_scheme = "bearer"

    def __init__(self, role: Role) -> None:
        super().__init__()
        self.role = role

    def authenticate(self, request: HttpRequest, token: str) -> Principal | None:
        found = principal_of_token(token)
        if found is None:
            return None
        who, request.api_token = found  # type: ignore[attr-defined]
        if not who.may(self.role):
            raise PermissionDenied(
                f"This needs the role {self.role.label}; this token acts as {who.role.label} "
                f"(the smaller of its scope, {request.api_token.scope}, and its person's role)."  # type: ignore[attr-defined]
            )
        return who


class Strict(Schema):
    """A request body: fields it does not know are refused, not ignored."""

    model_config = ConfigDict(extra="forbid")


class ErrorBody(Schema):
    code: str = Field(description="stable and machine-readable")
    message: str = Field(description="what happened and what to do, for people")
    fields: dict[str, str] = Field(default_factory=dict, description="path of a field to what is wrong with it")


class ErrorAnswer(Schema):
    error: ErrorBody


ERRORS: dict[int, Any] = dict.fromkeys((400, 401, 403, 404, 409, 413, 422, 429), ErrorAnswer)
"""The error answers that any operation may give, for its ``response=``."""


def once(request: ApiRequest, make: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """The answer of ``make``, or under a repeated ``Idempotency-Key`` the answer that was given the first time.

    The same key with another body or path is a Conflict. Two at once: one makes, the other is told to ask again.
    """
    key = request.headers.get(IDEMPOTENCY_HEADER, "").strip()[:200]
    if not key:
        return make()
    digest = hashlib.sha256(request.path.encode() + b"\n" + request.body).hexdigest()
    claim, mine = IdempotentAnswer.objects.get_or_create(
        team=request.auth.team, key=key, defaults={"request_hash": digest}
    )
    if not mine:
        return _earlier_answer(claim, digest)
    try:
        answer = make()
    except BaseException:
        claim.delete()
        raise
    IdempotentAnswer.objects.filter(pk=claim.pk).update(answer=answer)
    return answer


def _earlier_answer(claim: IdempotentAnswer, digest: str) -> dict[str, Any]:
    if claim.request_hash != digest:
        raise Conflict(f"The idempotency key {claim.key!r} was used for another request. Use a new key.")
    if claim.answer is None:
        raise Conflict("The first request with this idempotency key is still being answered. Ask again in a moment.")
    answer: dict[str, Any] = claim.answer
    return answer


def invalid_body(error: ValidationError) -> Invalid:
    fields = {".".join(str(part) for part in item["loc"]) or "body": item["msg"] for item in error.errors()}
    return Invalid("The request's body is not as it should be.", fields=fields)
