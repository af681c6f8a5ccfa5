"""Makes the first owner and team. Safe to run at every start, and says what it did or why it did nothing."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from teams.actions import LOCAL_OWNER_EMAIL, begin_team, set_operator
from teams.models import Membership, Role, Team, User
from teams.texts.names import slug_of

LOCAL_TEAM = "My team"


class Command(BaseCommand):
    help = "Make an owner and their team, unless they are there already."
    requires_system_checks: list[str] = []  # as for a worker: they load all pages, and nothing here needs one

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--email", default="", help="the owner's; may be left out under 'make up'")
        parser.add_argument("--team", default=LOCAL_TEAM, help="the team's name")
        parser.add_argument("--existing", action="store_true", help="make them an owner of a team that others own")

    def handle(self, *args: Any, email: str, team: str, existing: bool, verbosity: int, **options: Any) -> None:
        said = self._named_owner(email, team, existing=existing) if email else self._local_owner()
        if verbosity:
            self.stdout.write(said)

    def _named_owner(self, email: str, name: str, *, existing: bool) -> str:
        members = Membership.objects.select_related("user").filter(team__slug=slug_of(name))
        if members and not existing and not any(one.user.email == email.lower() for one in members):
            owners = ", ".join(one.user.email for one in members if one.role == Role.OWNER)
            raise CommandError(
                f"Nothing was changed: there is a team {slug_of(name)} already, which {owners or 'nobody'} owns. "
                "Choose another name, or add --existing to make them an owner of that one."
            )
        team = begin_team(email=email, name=name)
        membership = Membership.objects.select_related("user").get(team=team, user__email=email.lower())
        if membership.role != Role.OWNER:
            raise CommandError(
                f"Nothing was changed: {membership.user.email} is in the team {team.slug} already, as "
                f"{Role(membership.role).label}. Name another team, or have its owner change the role."
            )
        sign_in = f"manage.py signin_link --email {membership.user.email} --absolute"
        return f"{membership.user.email} owns the team {team.name} ({team.slug}). To sign in: {sign_in}"

    def _local_owner(self) -> str:
        """Under 'make up' whoever sits at the keyboard owns the first team and operates the installation."""
        if not settings.LOCAL:
            raise CommandError("Say who is to own the team: manage.py bootstrap --email you@example.com --team NAME")
        said = "There is a team already; nothing was made. Name an owner with --email to make another."
        if not Team.objects.exists():
            team = begin_team(email=LOCAL_OWNER_EMAIL, name=LOCAL_TEAM)
            said = f"{LOCAL_OWNER_EMAIL} owns the team {team.name} ({team.slug})."
        if owner := User.objects.filter(email=LOCAL_OWNER_EMAIL, is_staff=False).first():
            set_operator(owner, is_operator=True)
        return said
