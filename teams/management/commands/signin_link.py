"""Prints the path of a sign-in link that works once, alone on standard output."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.urls import reverse

from teams.actions import issue_signin_link
from teams.models import Role, User


class Command(BaseCommand):
    help = "Print the path of a single-use sign-in link."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--email", help="whose; the first owner's where it is left out")
        parser.add_argument("--absolute", action="store_true", help="the whole address and not the path alone")

    def handle(self, *args: Any, email: str | None, absolute: bool, **options: Any) -> str:
        path = reverse("signin_link", args=[issue_signin_link(person(email))])
        return f"{settings.PUBLIC_URL}{path}" if absolute else path


def person(email: str | None) -> User:
    """The active person of that address, or the first owner of the first team."""
    people = User.objects.filter(is_active=True, is_program=False)
    if email:
        user = people.filter(email=email.lower()).first()
    else:
        user = people.filter(memberships__role=Role.OWNER).order_by("memberships__team_id", "memberships__id").first()
    if user is None:
        raise CommandError(
            f"There is no person {email}."
            if email
            else "There is no owner yet. Make one: manage.py bootstrap --email you@example.com --team NAME"
        )
    return user
