"""Makes a team with a history of simulated runs, for benchmarks, tests and people who want to see one."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from engine.text import counted
from runs.demo.actions import MAX_DAYS, MAX_RUNS, make_history
from runs.demo.making import Order, last_hour
from teams.models import User
from teams.refusals import Refusal


class Command(BaseCommand):
    help = (
        "Make a team with a made-up history: simulated runs of several crews over some days, ended and accounted for."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--team", metavar="SLUG", required=True, help="the new team's slug")
        parser.add_argument("--runs", type=int, required=True, help=f"how many runs, up to {MAX_RUNS:,}")
        parser.add_argument("--days", type=int, required=True, help=f"over how many days, up to {MAX_DAYS}")
        parser.add_argument("--seed", type=int, default=1, help="the same seed, team and end give the same history")
        parser.add_argument("--until", type=_hour, metavar="HOUR", help="its end, such as 2026-11-29T04:00; else now")
        parser.add_argument("--owner", metavar="EMAIL", help="somebody who is to see it")
        parser.add_argument("--jobs", type=int, default=2, help="how many batches are written at once (2)")
        parser.add_argument("--without-texts", action="store_true", help="figures alone, no messages and replies")

    def handle(self, *args: Any, **options: Any) -> None:
        began = time.monotonic()
        order = Order(
            runs=options["runs"],
            days=options["days"],
            until=options["until"] or last_hour(),
            seed=options["seed"],
            texts=not options["without_texts"],
        )
        jobs = max(1, options["jobs"]) if order.runs > 1 else 1
        try:
            team = make_history(
                options["team"], order, owner=_person(options["owner"]), jobs=jobs, progress=self._progress(order.runs)
            )
        except Refusal as refusal:
            raise CommandError(refusal.message) from refusal
        made = f"{counted(order.runs, 'run')} of {team.slug} {'was' if order.runs == 1 else 'were'} made"
        self.stdout.write(f"{made} in {time.monotonic() - began:.1f} s.")

    def _progress(self, runs: int) -> Any:
        done = 0

        def tell(count: int) -> None:
            nonlocal done
            before, done = done * 20 // runs, done + count
            if done * 20 // runs > before and done < runs:
                self.stdout.write(f"{done:,} of {counted(runs, 'run')}")

        return tell


def _hour(text: str) -> datetime:
    return datetime.fromisoformat(text.removesuffix("Z")).replace(tzinfo=UTC)


def _person(email: str | None) -> User | None:
    if email is None:
        return None
    user = User.objects.filter(email=email.lower()).first()
    if user is None:
        raise CommandError(f"There is nobody with the address {email}.")
    return user
