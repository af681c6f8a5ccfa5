"""What people do with invitations: make one, withdraw it, accept it with an account or with a new one."""

from __future__ import annotations

from datetime import timedelta

from django.contrib.auth.hashers import make_password
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.db.models.functions import Now
from django.utils import timezone

from engine.text import is_storable
from teams.access import COMMAND, Principal, require
from teams.audit.record import record
from teams.models import Invitation, Membership, Origin, Role, Team, User
from teams.names import clean_name
from teams.refusals import Conflict, Invalid, TooMany
from teams.secrets import digest, new_secret

MAX_DAYS = 30
USUAL_DAYS = 7
MAX_OPEN = 100
MAX_AN_HOUR = 60
"""Of one person, in all teams: they may be mailed to whatever address."""
MAX_MEMBERS = 500
MAX_PASSWORD_CHARS = 1000
NO_LONGER = "This invitation no longer works. Ask for a new one."
SIGN_IN_FIRST = "No account was made. If you have one with this address, sign in to it first, then accept."


@transaction.atomic
def invite(who: Principal, *, role: Role, email: str = "", days: int = USUAL_DAYS) -> tuple[Invitation, str]:
    """An invitation and the secret of its link, which can only be shown now. It works once, for so many days.

    With ``email`` it is for that address alone. ``Invalid`` names the field that cannot be as it is.
    """
    require(who, Role.OWNER)
    if who.team.is_demo:
        raise Invalid("Nobody can be invited to a made-up team. Invite them to a team of your own.")
    email = email.strip().lower()
    Team.objects.select_for_update(no_key=True).get(pk=who.team.pk)
    if fields := _complaints(who.team, role, email, days):
        raise Invalid("Nobody was invited.", fields=fields)
    if open_ones(who.team).count() >= MAX_OPEN:
        raise Conflict(f"{MAX_OPEN} invitations are open, which is the most. Withdraw one first.")
    lately = Invitation.objects.filter(created_by=who.user, created_at__gt=timezone.now() - timedelta(hours=1))
    if lately.count() >= MAX_AN_HOUR:
        raise TooMany(f"You may invite {MAX_AN_HOUR} people an hour. Go on later.", retry_after_s=3600)
    secret = new_secret()
    invitation = Invitation.objects.create(
        team=who.team,
        secret_hash=digest(secret),
        email=email,
        role=role,
        created_by=who.user,
        expires_at=timezone.now() + timedelta(days=days),
    )
    record(who, "invitation.made", invitation, name=_for(invitation), role=Role(role).label, days=days)
    return invitation, secret


@transaction.atomic
def withdraw(who: Principal, invitation: Invitation) -> None:
    """Its link is dead at once. One that was used or withdrawn stays as it is."""
    require(who, Role.OWNER)
    if Invitation.objects.filter(pk=invitation.pk, used_at=None, withdrawn_at=None).update(withdrawn_at=Now()):
        record(who, "invitation.withdrawn", invitation, name=_for(invitation))


def invitation_of(secret: str) -> Invitation | None:
    """The invitation of that link; None if it is unknown, used, withdrawn or over."""
    return _open().filter(secret_hash=digest(secret)).first()


def still_open(pk: object) -> Invitation | None:
    """The invitation, if it still works."""
    return _open().filter(pk=pk).first() if isinstance(pk, int) else None


def open_ones(team: Team) -> QuerySet[Invitation]:
    return _open().filter(team=team)


@transaction.atomic
def accept(user: User, invitation: Invitation, *, origin: Origin = COMMAND) -> Membership:
    """Uses the invitation up and makes the person a member. Of two uses at once one wins, and the other is a
    ``Conflict``; so is a member of the team, for whom it stays as it is. ``Invalid`` for another address's."""
    if invitation.email and user.email != invitation.email:
        raise Invalid("This invitation is for another address. Sign in with that one to accept it.")
    Team.objects.select_for_update(no_key=True).get(pk=invitation.team_id)
    members = Membership.objects.filter(team=invitation.team_id)
    if members.filter(user=user).exists():
        raise Conflict("You are in this team already. The invitation was not used.")
    if members.count() >= MAX_MEMBERS:
        raise Conflict(f"This team has {MAX_MEMBERS} members, which is the most.")
    used = _open().filter(pk=invitation.pk).update(used_at=Now(), used_by=user)
    if used != 1:
        raise Conflict(NO_LONGER)
    member = Membership.objects.create(team_id=invitation.team_id, user=user, role=invitation.role)
    role = Role(invitation.role)
    who = Principal(user, invitation.team, role, origin)
    record(who, "member.joined", member, name=user.email, role=role.label, invitation=invitation.pk)
    return member


def accept_with_new_account(invitation: Invitation, *, name: str, password: str, origin: Origin = COMMAND) -> User:
    """Makes an account with the invitation's own address, and accepts with it.

    Whether there is such an account is not looked at before the password is hashed; so what is wrong with the password
    is said in the same words, and as late. If there is one, it stays as it is, and nothing is done (``Conflict``).
    """
    if not invitation.email:
        raise Invalid("This invitation is for people who have an account. Sign in to accept it.")
    name = clean_name(name)
    _refuse_weak(password, User(email=invitation.email, name=name))
    hashed = make_password(password)
    try:
        with transaction.atomic():
            user = User.objects.create(email=invitation.email, name=name, password=hashed)
            accept(user, invitation, origin=origin)
    except IntegrityError as error:  # there is one of this address
        raise Conflict(SIGN_IN_FIRST) from error
    return user


def _for(invitation: Invitation) -> str:
    return invitation.email or "whoever has the link"


def _open() -> QuerySet[Invitation]:
    """Those that work now. One whose maker owns the team no more does not."""
    owners = Membership.objects.filter(
        team=OuterRef("team"), user=OuterRef("created_by"), role=Role.OWNER, user__is_active=True
    )
    now = Invitation.objects.filter(Exists(owners), used_at=None, withdrawn_at=None, expires_at__gt=Now())
    return now.select_related("team", "created_by")


def _complaints(team: Team, role: Role, email: str, days: int) -> dict[str, str]:
    fields = {}
    if role not in Role.values:
        fields["role"] = f"Choose one of {', '.join(Role.labels)}."
    if not 1 <= days <= MAX_DAYS:
        fields["days"] = f"Give 1 to {MAX_DAYS} days."
    if email:
        try:
            validate_email(email)
        except ValidationError:
            fields["email"] = "This is no e-mail address."
        else:
            if len(email) > 254 or not is_storable(email):
                fields["email"] = "This is no e-mail address."
            elif Membership.objects.filter(team=team, user__email=email).exists():
                fields["email"] = "They are in this team already."
    return fields


def _refuse_weak(password: str, user: User) -> None:
    if len(password) > MAX_PASSWORD_CHARS:
        raise Invalid("No account was made.", fields={"password": f"At most {MAX_PASSWORD_CHARS} characters."})
    try:
        validate_password(password, user)
    except ValidationError as error:
        raise Invalid("No account was made.", fields={"password": " ".join(error.messages)}) from error
