"""The API's operations on tokens: list and revoke them. A person's tokens are made on the page alone, which asks for a
proof of who they are; an owner's token makes those of programs."""

from ninja import Router, Schema, Status
from pydantic import Field

from teams import queries
from teams.access import fetch
from teams.actions import revoke_token
from teams.api.bearer import ApiRequest, Bearer, is_asked_with
from teams.api.error_body import ERRORS
from teams.models import ApiToken, Role, Scope
from teams.texts.times import time_text

router = Router(tags=["team"])


class TokenOut(Schema):
    id: int
    name: str
    begins: str = Field(description="the token's first characters, by which people know it again")
    scope: Scope
    person: str = Field(description="or program, as which it acts")
    is_this: bool = Field(description="whether it is the one that you asked with")
    created_at: str
    expires_at: str | None
    last_used_at: str | None


class TokenList(Schema):
    items: list[TokenOut]
    next: str | None = None


@router.get("", response={200: TokenList, **ERRORS}, auth=Bearer(Role.VIEWER))
def list_tokens(request: ApiRequest) -> dict[str, object]:
    """Tokens that were not revoked: an owner sees everybody's, others their own. None shows its secret."""
    return {"items": [_token(request, one) for one in queries.live_tokens(request.auth)], "next": None}


@router.delete("/{int:token_id}", response={204: None, **ERRORS}, auth=Bearer(Role.RUNNER))
def delete_token(request: ApiRequest, token_id: int) -> Status[None]:
    """Revokes a token, from the next request on: one's own, or as an owner anybody's. Once more changes nothing."""
    revoke_token(request.auth, fetch(ApiToken, request.auth, pk=token_id))
    return Status(204, None)


def _token(request: ApiRequest, token: ApiToken) -> dict[str, object]:
    return {
        "id": token.pk,
        "name": token.name,
        "begins": token.prefix,
        "scope": token.scope,
        "person": str(token.user),
        "is_this": is_asked_with(request, token),
        "created_at": time_text(token.created_at),
        "expires_at": time_text(token.expires_at),
        "last_used_at": time_text(token.last_used_at),
    }
