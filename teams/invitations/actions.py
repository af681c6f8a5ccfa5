"""What people do with invitations: make one, withdraw it, accept it with an account or with a new one."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.mail.message import sanitize_address
from django.core.validators import validate_email
from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.db.models.functions import Now
from django.utils import timezone

from engine.text import is_storable
from teams.access import COMMAND, Principal, require_now
from teams.audit.record import record
from teams.guessing.tries import ACCOUNTS_TRIED, Tally, count, take_back
from teams.models import Invitation, Membership, Origin, Role, Team, User
from teams.queries import open_invitations, that_work
from teams.refusals import Conflict, Invalid, TooMany
from teams.secrets import digest, new_secret
from teams.texts.names import own_name

MAX_DAYS = 30
USUAL_DAYS = 7
MAX_OPEN = 100
MAX_AN_HOUR = 60
"""Of one person, in all teams: they may be mailed to whatever address."""
MAX_MAILS_A_DAY = 3
"""To one address, whoever invites it."""
MAX_MEMBERS = 500
MAX_PASSWORD_CHARS = 1000
NO_LONGER = "This invitation no longer works. Ask for a new one."
SIGN_IN_FIRST = "No account was made. If you have one with this address, sign in to it first, then accept."


@transaction.atomic
def invite(
    who: Principal, *, role: Role, email: str = "", days: int = USUAL_DAYS, by_mail: bool = False
) -> tuple[Invitation, str]:
    """An invitation and the secret of its link, which can only be shown now. It works once, for so many days.

    With ``email`` it is for that address alone. ``by_mail``: the caller mails the link there and shows it to nobody, so
    that whoever opens it has that mailbox. ``Invalid`` names the field that cannot be as it is.
    """
    require_now(who, Role.OWNER)
    if who.team.is_demo:
        raise Invalid("Nobody can be invited to a made-up team. Invite them to a team of your own.")
    email = email.strip().lower()
    if fields := _complaints(who.team, role, email, days, by_mail=by_mail):
        raise Invalid("Nobody was invited.", fields=fields)
    if open_invitations(who).count() >= MAX_OPEN:
        raise Conflict(f"{MAX_OPEN} invitations are open, which is the most. Withdraw one first.")
    lately = Invitation.objects.filter(created_by=who.user, created_at__gt=timezone.now() - timedelta(hours=1))
    if lately.count() >= MAX_AN_HOUR:
        raise TooMany(f"You may invite {MAX_AN_HOUR} people an hour. Go on later.", retry_after_s=3600)
    if by_mail and _mailed_lately(email) >= MAX_MAILS_A_DAY:
        raise TooMany("This address was invited several times today. Go on tomorrow.", retry_after_s=86_400)
    secret = new_secret()
    invitation = Invitation.objects.create(
        team=who.team,
        secret_hash=digest(secret),
        email=email,
        role=role,
        created_by=who.user,
        expires_at=timezone.now() + timedelta(days=days),
        makes_account=bool(email) and (by_mail or who.user.is_staff),
    )
    record(who, "invitation.made", invitation, name=_for(invitation), role=Role(role).label, days=days)
    return invitation, secret


def not_mailed(who: Principal, invitation: Invitation) -> None:
    """The mail server did not take it, so that its maker is shown the link: no account is made by it then."""
    invitation.makes_account = who.user.is_staff
    invitation.save(update_fields=["makes_account"])


@transaction.atomic
def withdraw(who: Principal, invitation: Invitation) -> None:
    """Its link is dead at once. One that was used or withdrawn stays as it is."""
    require_now(who, Role.OWNER)
    if Invitation.objects.filter(pk=invitation.pk, used_at=None, withdrawn_at=None).update(withdrawn_at=Now()):
        record(who, "invitation.withdrawn", invitation, name=_for(invitation))


def invitation_of(secret: str) -> Invitation | None:
    """The invitation of that link; None if it is unknown, used, withdrawn or over."""
    return _open().filter(secret_hash=digest(secret)).first()


def still_open(pk: str | int | None) -> Invitation | None:
    """The invitation of that id, if it still works; "" and None are none's."""
    return _open().filter(pk=pk).first() if pk else None


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

    Only one whose link nobody but the mailbox's owner has seen makes an account, or an operator's: whoever else knew it
    could choose the password of somebody else's account. Whether there is such an account is looked at only after the
    password was checked and hashed. If there is one, it stays as it is, and nothing is done (``Conflict``). Each try at
    an invitation counts, the one that fits aside: ``TooManyTries``.
    """
    if not invitation.makes_account:
        raise Invalid("This invitation is for people who have an account. Sign in to accept it.")
    tally = Tally(ACCOUNTS_TRIED, str(invitation.pk))
    count(tally)
    name = own_name(name)
    _refuse_weak(password, User(email=invitation.email, name=name))
    hashed = make_password(password)
    try:
        with transaction.atomic():
            user = User.objects.create(email=invitation.email, name=name, password=hashed)
            accept(user, invitation, origin=origin)
    except IntegrityError as error:  # there is one of this address
        raise Conflict(SIGN_IN_FIRST) from error
    take_back(tally)
    return user


def _for(invitation: Invitation) -> str:
    return invitation.email or "whoever has the link"


def _open() -> QuerySet[Invitation]:
    return that_work(Invitation.objects.all()).select_related("team", "created_by")


def _mailed_lately(email: str) -> int:
    since = timezone.now() - timedelta(days=1)
    return Invitation.objects.filter(email=email, makes_account=True, created_at__gt=since).count()


def _complaints(team: Team, role: Role, email: str, days: int, *, by_mail: bool) -> dict[str, str]:
    fields = _mail_complaints(email) if by_mail else {}
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
            if len(email) > 254 or not is_storable(email) or not _can_be_mailed(email):
                fields["email"] = "This is no e-mail address."
            elif Membership.objects.filter(team=team, user__email=email).exists():
                fields["email"] = "They are in this team already."
    return fields


def _mail_complaints(email: str) -> dict[str, str]:
    if not settings.EMAIL_READY:
        return {"mail": "Mail is not set up on this installation. Send the link yourself."}
    return {} if email else {"email": "Give the address to send it to."}


def _can_be_mailed(email: str) -> bool:
    try:
        sanitize_address(email, "utf-8")
    except ValueError:  # a domain that has no form in ASCII
        return False
    return True


def _refuse_weak(password: str, user: User) -> None:
    if len(password) > MAX_PASSWORD_CHARS:
        raise Invalid("No account was made.", fields={"password": f"At most {MAX_PASSWORD_CHARS} characters."})
    try:
        validate_password(password, user)
    except ValidationError as error:
        raise Invalid("No account was made.", fields={"password": " ".join(error.messages)}) from error
