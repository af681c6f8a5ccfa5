"""What owners do about programs: make one. It is given another role, and removed, as other members are."""

from __future__ import annotations

import secrets

from django.db import transaction
from django.utils.text import slugify

from engine.text import latin
from teams.access import Principal, require_now
from teams.audit.record import record
from teams.models import Membership, Role, User
from teams.queries import programs
from teams.refusals import Conflict, Invalid
from teams.texts.names import MAX_NAME_CHARS, PROGRAM, PROGRAMS_DOMAIN, clean_name

MOST_PROGRAMS = 50
ROLES = (Role.VIEWER, Role.RUNNER, Role.EDITOR)
"""What a program may be: people own teams."""


@transaction.atomic
def make_program(who: Principal, *, name: str, role: Role) -> Membership:
    """A member that is no person. The team owns it: it stays when whoever made it goes. ``Invalid`` names the field
    that cannot be as it is; ``Conflict`` for one too many and for a name that is taken."""
    require_now(who, Role.OWNER)
    if who.team.is_demo:
        raise Invalid("A made-up team has no programs. Make it in a team of your own.")
    name = clean_name(name).removesuffix(PROGRAM) + PROGRAM
    fields = {}
    if len(name) > MAX_NAME_CHARS:
        fields["name"] = f"Give a name of at most {MAX_NAME_CHARS - len(PROGRAM)} characters."
    if role not in ROLES:
        fields["role"] = f"Choose one of {', '.join(one.label for one in ROLES)}."
    if fields:
        raise Invalid("The program was not made.", fields=fields)
    ours = programs(who)
    if ours.filter(user__name__iexact=name).exists():
        raise Conflict("The team has a program of this name.", fields={"name": "This name is taken."})
    if ours.count() >= MOST_PROGRAMS:
        raise Conflict(f"The team has {MOST_PROGRAMS} programs, which is the most. Remove one first.")
    stem = slugify(latin(name.removesuffix(PROGRAM)))[:60].strip("-") or "program"
    user = User.objects.create_user(f"{stem}.{secrets.token_hex(4)}@{PROGRAMS_DOMAIN}", name=name, is_program=True)
    member = Membership.objects.create(team=who.team, user=user, role=role)
    record(who, "program.made", member, name=user.email, role=Role(role).label)
    return member
