"""What people do about a team's people: make and rename a team, change roles, hand over, go; and rename themselves.

Whoever changes who is in a team locks its row first, so that of two owners who go at once one stays.
"""

from __future__ import annotations

from datetime import timedelta

from django.db import IntegrityError, transaction
from django.db.models.functions import Now

from teams.access import COMMAND, Principal, require_now
from teams.actions import FIRST_CAPS
from teams.audit.record import record
from teams.guessing.tries import Limit, Tally, TooManyTries, count
from teams.models import ApiToken, Invitation, Membership, Origin, Role, Team, User
from teams.queries import has_second_step
from teams.refusals import Conflict, Invalid, TooMany
from teams.texts.names import clean_name, own_name, slug_of

MAX_TEAMS_OWNED = 20
TEAMS_A_DAY = 5
MADE = Limit("teams made by one person", TEAMS_A_DAY, timedelta(days=1))
LAST_OWNER = "A team needs an owner. Make somebody else an owner first."
NO_PROGRAM = "People own teams, and programs do not. Choose another role for it."
NONE_OF_ONES_OWN = (
    "Add a passkey or an authenticator app to your own account first: the team would be closed to yourself."
)
MAX_TRIES = 50


@transaction.atomic
def make_team(user: User, *, name: str, origin: Origin = COMMAND) -> Team:
    """A new team with this person as its owner; its runs are bounded as every new team's. ``Invalid`` for its name,
    ``Conflict`` for one team too many, ``TooMany`` for one too many of a day."""
    name = clean_name(name)
    User.objects.select_for_update(no_key=True).get(pk=user.pk)
    owned = Membership.objects.filter(user=user, role=Role.OWNER, team__is_demo=False).count()
    if owned >= MAX_TEAMS_OWNED:
        raise Conflict(f"You own {owned} teams, and may own {MAX_TEAMS_OWNED}. Hand one over or leave it first.")
    try:
        count(Tally(MADE, str(user.pk)))
    except TooManyTries as refusal:
        raise TooMany(
            f"You have made {TEAMS_A_DAY} teams in a day, which is the most. Make the next one later.",
            retry_after_s=refusal.retry_after_s,
        ) from None
    team = _with_free_slug(name)
    Membership.objects.create(team=team, user=user, role=Role.OWNER)
    record(Principal(user, team, Role.OWNER, origin), "team.made", team)
    return team


@transaction.atomic
def rename_team(who: Principal, *, name: str) -> Team:
    """Its address stays, so that links to it go on working."""
    team = require_now(who, Role.OWNER)
    was, name = team.name, clean_name(name)
    if name != was:
        who.team.name = name
        who.team.save(update_fields=["name"])
        record(who, "team.renamed", who.team, was=was)
    return who.team


@transaction.atomic
def demand_second_step(who: Principal, *, is_wanted: bool) -> Team:
    """Whether pages and streams show the team only to members whose account has a passkey or an app. It acts with their
    next request. ``Conflict`` for an owner who has neither; API tokens go on as they are."""
    team = require_now(who, Role.OWNER)
    if is_wanted and not has_second_step(who.user):
        raise Conflict(NONE_OF_ONES_OWN)
    if is_wanted != team.wants_second_step:
        who.team.wants_second_step = is_wanted
        who.team.save(update_fields=["wants_second_step"])
        record(who, "team.second_step_wanted" if is_wanted else "team.second_step_left", who.team)
    return who.team


def rename_person(user: User, *, name: str) -> User:
    """How others see this person from now on; "" is by their address."""
    user.name = own_name(name) if name.strip() else ""
    user.save(update_fields=["name"])
    return user


@transaction.atomic
def change_role(who: Principal, member: Membership, *, role: Role) -> Membership:
    """Gives a member another role, which acts with their next request; streams and tokens follow it. ``Conflict`` if
    nobody would own the team then, ``Invalid`` for a program that would. Invitations that a former owner made no longer
    work."""
    require_now(who, Role.OWNER)
    locked = _locked(who.team, member)
    if role == locked.role:
        return locked
    if role == Role.OWNER and locked.user.is_program:
        raise Invalid(NO_PROGRAM, fields={"role": NO_PROGRAM})
    if role < Role.OWNER:
        _refuse_last_owner(locked)
        _withdraw_invitations_by(locked)
    Membership.objects.filter(pk=locked.pk).update(role=role)
    was, locked.role = Role(locked.role), role
    record(who, "member.role_changed", locked, name=locked.user.email, was=was.label, now=Role(role).label)
    return locked


@transaction.atomic
def hand_over(who: Principal, member: Membership) -> None:
    """Makes a member an owner, and oneself an editor."""
    require_now(who, Role.OWNER)
    other, own = _locked(who.team, member), Membership.objects.get(team=who.team, user=who.user)
    if other.pk == own.pk:
        raise Invalid("You own the team already. Hand it over to another member.")
    if other.user.is_program:
        raise Invalid(NO_PROGRAM)
    if not other.user.is_active:
        raise Conflict(f"The account of {other.user} is closed, so they cannot own the team.")
    Membership.objects.filter(pk=other.pk).update(role=Role.OWNER)
    Membership.objects.filter(pk=own.pk).update(role=Role.EDITOR)
    _withdraw_invitations_by(own)
    record(who, "team.handed_over", other, name=other.user.email, was=Role(other.role).label)
    now = {"was": Role.OWNER.label, "now": Role.EDITOR.label}
    record(who, "member.role_changed", own, name=who.user.email, **now)


@transaction.atomic
def remove_member(who: Principal, member: Membership) -> None:
    """Takes somebody out of the team, or lets oneself leave; or removes a program. It acts with their next request;
    open streams end.

    Their API tokens of this team are revoked for good, and invitations that they made or that are for them no longer
    work. What they made stays the team's. ``Conflict`` for the last owner.
    """
    require_now(who, Role.VIEWER if member.user_id == who.user.pk else Role.OWNER)
    locked = _locked(who.team, member)
    _refuse_last_owner(locked)
    _withdraw_invitations_by(locked)
    Invitation.objects.filter(team=who.team, email=locked.user.email, used_at=None, withdrawn_at=None).update(
        withdrawn_at=Now()
    )
    revoked = ApiToken.objects.filter(team=who.team, user=locked.user, revoked_at=None).update(revoked_at=Now())
    action = "member.left" if locked.user_id == who.user.pk else "member.removed"
    if locked.user.is_program:
        action = "program.removed"
        User.objects.filter(pk=locked.user_id).update(is_active=False)
    record(who, action, locked, name=locked.user.email, role=Role(locked.role).label, tokens_revoked=revoked)
    locked.delete()


def _with_free_slug(name: str) -> Team:
    for number in range(1, MAX_TRIES + 1):
        slug = slug_of(name, number)
        if Team.objects.filter(slug=slug).exists():
            continue
        try:
            with transaction.atomic():
                return Team.objects.create(slug=slug, name=name, **FIRST_CAPS)
        except IntegrityError:  # somebody else was first
            continue
    raise Conflict("Too many teams have this name. Choose another one.", fields={"name": "Choose another name."})


def _locked(team: Team, member: Membership) -> Membership:
    """The membership as it is now, which nobody changes until the transaction ends. ``Conflict`` if it is gone. The
    team's row is locked."""
    found = Membership.objects.select_for_update(of=("self",)).select_related("user").filter(pk=member.pk, team=team)
    locked = found.first()
    if locked is None:
        raise Conflict("They are no longer in the team.")
    return locked


def _refuse_last_owner(member: Membership) -> None:
    if member.role != Role.OWNER:
        return
    others = Membership.objects.filter(team=member.team_id, role=Role.OWNER, user__is_active=True)
    if not others.exclude(pk=member.pk).exists():
        raise Conflict(LAST_OWNER)


def _withdraw_invitations_by(member: Membership) -> None:
    made = Invitation.objects.filter(team=member.team_id, created_by=member.user_id)
    made.filter(used_at=None, withdrawn_at=None).update(withdrawn_at=Now())
