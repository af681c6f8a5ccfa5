"""Who calls an API operation, and in which role: read from the bearer token."""

from __future__ import annotations

from dataclasses import replace

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from ninja.security import HttpBearer

from teams.access import Principal
from teams.actions import principal_of_token
from teams.api.rate import count_request
from teams.guessing.address import client_address
from teams.guessing.tries import WRONG_TOKENS, count_wrong_secret
from teams.models import ApiToken, Origin, Role, Way


class ApiRequest(HttpRequest):
    """A request whose token was accepted; ``auth`` is the principal."""

    auth: Principal
    api_token: ApiToken


class Bearer(HttpBearer):
    """An operation's policy: ``Authorization: Bearer <token>`` of somebody who may act in this role.

    The token's scope counts as well as the person's role in the team.
    """

    openapi_scheme = "bearer"

    def __init__(self, role: Role) -> None:
        super().__init__()
        self.role = role

    def authenticate(self, request: HttpRequest, token: str) -> Principal | None:
        """None (answered with 401) if the token does not work, or ``TooManyTries`` after many that did not.

        Raises ``TooManyRequests`` of one that works, and ``PermissionDenied`` if the role is too small.
        """
        accepted = principal_of_token(token)
        if accepted is None:
            count_wrong_secret(request, WRONG_TOKENS)
            return None
        who, api_token = accepted
        request.api_token = api_token  # type: ignore[attr-defined]
        count_request(request, api_token)
        if not who.may(self.role):
            raise PermissionDenied(
                f"This needs the role {self.role.label}; this token acts as {who.role.label} "
                f"(the smaller of its scope, {api_token.scope}, and its person's role)."
            )
        return replace(who, origin=Origin(Way.TOKEN, client_address(request), api_token.prefix))
