"""What people do to their own account: another password, and its end."""

from __future__ import annotations

from dataclasses import dataclass

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from django.contrib.auth.hashers import make_password
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models.functions import Now

from teams.access import COMMAND, Principal
from teams.audit.record import record
from teams.models import ApiToken, Invitation, Membership, Origin, Role, SignInLink, Team, User
from teams.refusals import Conflict, Invalid
from teams.signin.forms import MAX_PASSWORD_CHARS
from teams.signin.sessions import end_all_sessions


@dataclass(frozen=True)
class Leaving:
    """What closing an account means for its teams: which it leaves, which nobody is in any more, and which stand in the
    way, since nobody else owns them."""

    leaves: list[Membership]
    left_alone: list[Membership]
    in_the_way: list[Membership]


def set_password(user: User, *, password: str) -> None:
    """``Invalid`` for a weak one. All sessions end by it, but one that is signed anew."""
    if len(password) > MAX_PASSWORD_CHARS:
        raise Invalid("Nothing was changed.", fields={"password": f"At most {MAX_PASSWORD_CHARS} characters."})
    try:
        validate_password(password, user)
    except ValidationError as error:
        raise Invalid("Nothing was changed.", fields={"password": " ".join(error.messages)}) from error
    user.password = make_password(password)
    user.save(update_fields=["password"])


def leaving(user: User) -> Leaving:
    """As it is now."""
    leaves, left_alone, in_the_way = [], [], []
    memberships = Membership.objects.filter(user=user, team__is_demo=False).select_related("team")
    for membership in memberships.order_by("team__name"):
        people = Membership.objects.filter(team=membership.team_id, user__is_active=True, user__is_program=False)
        others = people.exclude(user=user)  # to a program nobody hands over
        if not others.exists():
            left_alone.append(membership)
        elif membership.role == Role.OWNER and not others.filter(role=Role.OWNER).exists():
            in_the_way.append(membership)
        else:
            leaves.append(membership)
    return Leaving(leaves, left_alone, in_the_way)


@transaction.atomic
def close_account(user: User, *, origin: Origin = COMMAND) -> None:
    """Nobody signs in to it any more, and whatever let them in is deleted. Its teams keep what it made.

    ``Conflict`` where it is the only owner of a team that others are in. It stays a member of teams in which nobody
    else is, so that whoever opens it again finds them.
    """
    teams = Membership.objects.filter(user=user).values_list("team_id", flat=True)
    list(Team.objects.select_for_update(no_key=True).filter(pk__in=list(teams)).order_by("pk"))
    found = leaving(user)
    if found.in_the_way:
        raise Conflict("You are the only owner of a team that others are in. Hand it over first.")
    ApiToken.objects.filter(user=user, revoked_at=None).update(revoked_at=Now())
    Invitation.objects.filter(created_by=user, used_at=None, withdrawn_at=None).update(withdrawn_at=Now())
    for membership in found.leaves:
        who = Principal(user, membership.team, Role(membership.role), origin)
        record(who, "member.left", membership, name=user.email, role=who.role.label, account="closed")
        membership.delete()
    for kept in (Authenticator, SocialAccount, EmailAddress, SignInLink):
        kept.objects.filter(user=user).delete()
    user.set_unusable_password()
    user.is_active = user.is_staff = False
    user.save(update_fields=["password", "is_active", "is_staff"])
    end_all_sessions(user)


def open_account(user: User) -> User:
    """A closed account is open again, without any of what let its person in before."""
    user.is_active = True
    user.save(update_fields=["is_active"])
    return user
