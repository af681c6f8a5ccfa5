"""What an operator does to somebody's account: ends its sessions, closes it, opens it again."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from teams.account import actions
from teams.models import User
from teams.refusals import Refusal
from teams.signin.sessions import end_all_sessions


class Command(BaseCommand):
    help = "End a person's sessions, or close or open their account."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--email", required=True)
        what = parser.add_mutually_exclusive_group(required=True)
        what.add_argument("--end-sessions", action="store_true", help="they sign in anew, everywhere")
        what.add_argument("--close", action="store_true", help="nobody signs in to it any more")
        what.add_argument("--open", action="store_true", help="it is open again; signin_link prints a way in")

    def handle(self, *args: Any, email: str, end_sessions: bool, close: bool, **options: Any) -> str:
        user = User.objects.filter(email=email.lower()).first()
        if user is None:
            raise CommandError(f"There is no person {email}.")
        if end_sessions:
            end_all_sessions(user)
            return f"All sessions of {user.email} were ended. API tokens go on; revoke them in their teams."
        if not close:
            actions.open_account(user)
            return (
                f"The account {user.email} is open. To sign in: manage.py signin_link --email {user.email} --absolute"
            )
        try:
            actions.close_account(user)
        except Refusal as refusal:
            raise CommandError(refusal.message) from refusal
        return f"The account {user.email} is closed."
