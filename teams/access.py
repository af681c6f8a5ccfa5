"""The only gate: which rows a person may reach, and in which role. Strangers get 404, members without the role 403.

Every model behind the gate says with ``TEAM_PATH`` how its rows lead to a team. Every view declares its policy with
``public``, ``signed_in`` or ``member``, every API operation with ``api.bearer.Bearer``. A test walks all of them and
fails for one that declares none.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from functools import wraps
from typing import Any, TypeVar

from allauth.mfa.models import Authenticator
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.db import connection
from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponseBase
from django.shortcuts import redirect
from django_htmx.middleware import HtmxDetails

from engine.text import is_storable
from teams.guessing.address import client_address
from teams.models import Membership, Origin, Role, Team, User, Way, columns_of, from_row

ModelT = TypeVar("ModelT", bound=Model)
View = Callable[..., Any]

COMMAND = Origin()
"""Of what is not asked for by a request."""

SECOND_STEPS = (Authenticator.Type.TOTP.value, Authenticator.Type.WEBAUTHN.value)
"""What a second step is; recovery codes stand for one and are none."""

# In SQL, because each request asks it: building the query anew took longer than all else about it.
TEAM_WITH_ROLE = """
    SELECT {columns}, membership.role,
        NOT team.wants_second_step OR EXISTS (
            SELECT FROM mfa_authenticator AS step WHERE step.user_id = person.id AND step.type = ANY(%(steps)s))
    FROM teams_membership AS membership
    JOIN teams_team AS team ON team.id = membership.team_id
    JOIN teams_user AS person ON person.id = membership.user_id AND person.is_active AND NOT person.is_program
    WHERE membership.user_id = %(user)s AND team.slug = %(slug)s
"""


@dataclass(frozen=True, slots=True)
class Principal:
    """One person who acts in one team. In a session ``role`` is the member's own; a token may give a smaller one.

    ``origin``: from where, for the log; whose principal it is does not depend on it.
    """

    user: User
    team: Team
    role: Role
    origin: Origin = field(default=COMMAND, compare=False)

    def may(self, role: Role) -> bool:
        return self.role >= role

    @property
    def can_run(self) -> bool:
        return self.may(Role.RUNNER)

    @property
    def can_edit(self) -> bool:
        return self.may(Role.EDITOR)

    @property
    def can_own(self) -> bool:
        return self.may(Role.OWNER)


class SecondStepWanted(PermissionDenied):
    """The team demands a second step of its members, and this one's account has none."""


class TeamRequest(HttpRequest):
    """A request that passed ``member``; ``who`` is the principal."""

    who: Principal
    htmx: HtmxDetails


def origin_of(request: HttpRequest) -> Origin:
    """Of a request for a page."""
    return Origin(Way.PAGE, client_address(request))


def principal(user: User, team_slug: str, origin: Origin = COMMAND) -> Principal:
    """The person as a member of the team with that slug. Raises ``Http404`` if they are in no such team; programs,
    which act by tokens alone, are in none. ``SecondStepWanted`` if the team demands one and the account has none."""
    if not is_storable(team_slug):  # it may come out of a form
        raise Http404("No such team.")
    with connection.cursor() as cursor:
        statement = TEAM_WITH_ROLE.format(columns=columns_of(Team, "team"))
        cursor.execute(statement, {"user": user.pk, "slug": team_slug, "steps": list(SECOND_STEPS)})
        row = cursor.fetchone()
    if row is None:
        raise Http404("No such team.")
    *team, role, is_let_in = row
    if not is_let_in:
        raise SecondStepWanted("This team asks for a second step. Add a passkey or an app to your account first.")
    return Principal(user, from_row(Team, team), Role(role), origin)


def require_now(who: Principal, role: Role) -> Team:
    """Locks the team's row and requires the role that the person has by then: they may have lost it while they waited.

    Returns the team as it is now. Raises ``PermissionDenied``. To be called in a transaction.
    """
    require(who, role)
    team = Team.objects.select_for_update(no_key=True).get(pk=who.team.pk)
    members = Membership.objects.filter(team=team, user=who.user, role__gte=role, user__is_active=True)
    if not members.exists():
        raise PermissionDenied("Your role in this team has changed.")
    return team


def visible_to(who: Principal, model: type[ModelT]) -> QuerySet[ModelT]:
    """All rows of a model that belong to the principal's team."""
    return model._default_manager.filter(**{_team_path(model): who.team})


def fetch(
    model: type[ModelT], who: Principal, role: Role = Role.VIEWER, *, related: Collection[str] = (), **lookup: Any
) -> ModelT:
    """One row of the principal's team, in one query with the rows that its ``related`` fields name. Raises ``Http404``
    if it is not there or another team's, then ``PermissionDenied`` if the role is too small.
    """
    rows = visible_to(who, model).filter(**lookup)
    row = (rows.select_related(*related) if related else rows).first()
    if row is None:
        raise Http404(f"No such {model._meta.verbose_name}.")
    require(who, role)
    return row


def require(who: Principal, role: Role) -> None:
    """Raises ``PermissionDenied``, with a sentence for people, unless the principal has at least this role."""
    if not who.may(role):
        raise PermissionDenied(f"This needs the role {role.label}; yours is {who.role.label}.")


def sees_all(who: Principal) -> bool:
    """Whether the person operates the installation: operators see how it runs for all teams, not what teams make."""
    return who.user.is_staff


def require_staff(who: Principal) -> None:
    if not sees_all(who):
        raise PermissionDenied("This is for operators of this installation; you see your own team's figures.")


def public(reason: str) -> Callable[[View], View]:
    """Declares a view that anybody may call, and why."""

    def declare(view: View) -> View:
        view.policy = f"public: {reason}"  # type: ignore[attr-defined]
        return view

    return declare


def signed_in(view: View) -> View:
    """Declares a view for anybody who is signed in; it may show that person's own rows only."""

    @wraps(view)
    def checked(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not request.user.is_authenticated:
            return redirect_to_login(request.get_full_path())
        return view(request, *args, **kwargs)  # type: ignore[no-any-return]

    checked.policy = "signed in"  # type: ignore[attr-defined]
    return checked


def member(role: Role) -> Callable[[View], View]:
    """Declares a view under ``/t/<team>/``: sets ``request.who`` and refuses smaller roles."""

    def declare(view: View) -> View:
        checked = _checked(view, role)
        checked.policy = f"member: {role.label}"  # type: ignore[attr-defined]
        return checked

    return declare


def _checked(view: View, role: Role) -> View:
    @wraps(view)
    def checked(request: TeamRequest, team: str, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not request.user.is_authenticated:
            return redirect_to_login(request.get_full_path())
        try:
            request.who = principal(request.user, team, origin_of(request))
        except SecondStepWanted:
            return redirect("second_step_wanted", team=team)
        require(request.who, role)
        return view(request, *args, **kwargs)  # type: ignore[no-any-return]

    return checked


def _team_path(model: type[Model]) -> str:
    path: str = model.TEAM_PATH  # type: ignore[attr-defined]
    return path
