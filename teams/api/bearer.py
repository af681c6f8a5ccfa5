"""Who calls an API operation, and in which role: read from the bearer token.

The reference page may also be tried with a session, to read and no more: its script names the team in a header that no
other site's page can send, and nothing that changes anything is done by it, so that there is nothing to forge.
"""

from __future__ import annotations

from dataclasses import replace

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from ninja.security import HttpBearer

from teams.access import Principal, origin_of, principal
from teams.actions import principal_of_token
from teams.api.rate import count_request
from teams.guessing.address import client_address
from teams.guessing.tries import WRONG_TOKENS, count_wrong_secret
from teams.models import ApiToken, Origin, Role, Way
from teams.rights import Right, right_of_token

TEAM_HEADER = "X-Crewsite-Team"
"""In which team a session reads."""
READS = ("GET", "HEAD")


class ApiRequest(HttpRequest):
    """A request whose token was accepted; ``auth`` is the principal."""

    auth: Principal
    api_token: ApiToken
    session_right: Right | None  # of a session that reads, which has no ``api_token``


def right_of(request: ApiRequest) -> Right:
    """The right by which a stream or a file is watched."""
    right = getattr(request, "session_right", None)
    return right if right is not None else right_of_token(request.auth, request.api_token)


def is_asked_with(request: ApiRequest, token: ApiToken) -> bool:
    """Whether that is the token of this request."""
    own: ApiToken | None = getattr(request, "api_token", None)
    return own is not None and own.pk == token.pk


class Bearer(HttpBearer):
    """An operation's policy: ``Authorization: Bearer <token>`` of somebody who may act in this role.

    The token's scope counts as well as the person's role in the team.
    """

    openapi_scheme = "bearer"

    def __init__(self, role: Role) -> None:
        super().__init__()
        self.role = role

    def __call__(self, request: HttpRequest) -> Principal | None:
        """As ``authenticate``; by the session where no token is sent but a team is named."""
        if self.header in request.headers or TEAM_HEADER not in request.headers:
            found: Principal | None = super().__call__(request)
            return found
        return self._by_session(request, request.headers[TEAM_HEADER])

    def _by_session(self, request: HttpRequest, team_slug: str) -> Principal | None:
        """A viewer, whatever the person's role is. None for whoever is not signed in, and for what viewers may not.

        Raises ``Http404`` if they are in no such team, ``SecondStepWanted`` if it demands one and they have none.
        """
        if request.method not in READS or self.role > Role.VIEWER or not request.user.is_authenticated:
            return None
        who = principal(request.user, team_slug, origin_of(request))
        key = request.session.session_key or ""
        request.session_right = Right(who.user.pk, who.team.pk, who.role, session_key=key)  # type: ignore[attr-defined]
        return replace(who, role=Role.VIEWER)

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
