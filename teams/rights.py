"""The right by which somebody watches a stream: looked at again and again, because a stream outlives its request."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

from django.contrib.auth import HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.models import Session
from django.db.models.functions import Now
from django.utils.crypto import constant_time_compare

from teams.access import Principal, TeamRequest
from teams.actions import SCOPE_ROLE
from teams.models import ApiToken, Membership, Role, Scope, User
from teams.queries import tokens_that_work, with_second_steps


@dataclass(frozen=True, slots=True)
class Right:
    """Who acts in which team and role, by a session or by an API token."""

    user_id: int
    team_id: int
    role: Role
    session_key: str = ""
    token_id: int | None = None


def right_of_session(request: TeamRequest) -> Right:
    who = request.who
    return Right(who.user.pk, who.team.pk, who.role, session_key=request.session.session_key or "")


def right_of_token(who: Principal, token: ApiToken) -> Right:
    return Right(who.user.pk, who.team.pk, who.role, token_id=token.pk)


def still_held(rights: Collection[Right]) -> set[Right]:
    """Those of the rights that hold now, by three queries, however many they are.

    A right holds while its session or token works, and while its person has the very role in which they began: what a
    stream shows depends on it. Who has another one since then may begin anew. A session's holds no more once the team
    demands a second step that the account has not.
    """
    people = {"user_id__in": {right.user_id for right in rights}, "team_id__in": {right.team_id for right in rights}}
    members = Membership.objects.select_related("user", "team").filter(**people, user__is_active=True)
    membership_of = {(member.user_id, member.team_id): member for member in with_second_steps(members)}
    session_fits, token_role = _sessions(rights), _token_roles(rights)

    def holds(right: Right) -> bool:
        member = membership_of.get((right.user_id, right.team_id))
        if member is None:
            return False
        if right.token_id is not None:
            return min(member.role, token_role.get(right.token_id, 0)) == right.role
        if member.team.wants_second_step and not member.has_second_step:  # type: ignore[attr-defined]
            return False
        return member.role == right.role and session_fits(right.session_key, member.user)

    return {right for right in rights if holds(right)}


def _sessions(rights: Collection[Right]) -> Callable[[str, User], bool]:
    """Whether a session is that of a person who is signed in by it. A new password ends sessions too."""
    keys = {right.session_key for right in rights if right.session_key}
    found = Session.objects.filter(session_key__in=keys, expire_date__gt=Now())
    data_of: dict[str, dict[str, Any]] = {session.session_key: session.get_decoded() for session in found}

    def fits(key: str, user: User) -> bool:
        data = data_of.get(key, {})
        kept = str(data.get(HASH_SESSION_KEY, ""))
        hashes = (user.get_session_auth_hash(), *user.get_session_auth_fallback_hash())
        return data.get(SESSION_KEY) == str(user.pk) and any(constant_time_compare(kept, one) for one in hashes)

    return fits


def _token_roles(rights: Collection[Right]) -> dict[int, Role]:
    """The widest role of each token that works."""
    ids = {right.token_id for right in rights if right.token_id is not None}
    working = tokens_that_work(ApiToken.objects.filter(pk__in=ids))
    return {token.pk: SCOPE_ROLE[Scope(token.scope)] for token in working}
