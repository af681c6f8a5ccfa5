"""Adds the prices of a file, or of the installed LiteLLM, to the default list; those that there are stay."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from engine.catalogue import price_list
from engine.text import counted
from runs.prices.price_files import MAX_BYTES, PriceFile, bundled, moment, read
from runs.prices.updates import Change, Plan, differences, update

MOST_TOLD = 50


class Command(BaseCommand):
    help = (
        "Add dated prices to the default list, from a CSV file, a JSON file in LiteLLM's format, or the installed "
        "LiteLLM. All of it or nothing; prices that there are stay as they are."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        which = parser.add_mutually_exclusive_group(required=True)
        which.add_argument("file", nargs="?", type=Path, metavar="FILE", help="CSV, or JSON in LiteLLM's format")
        which.add_argument("--from-litellm", action="store_true", help="take the list of the installed LiteLLM")
        parser.add_argument(
            "--begins", default="", metavar="DATE", help="from when they hold, in UTC; else from now on"
        )
        parser.add_argument("--source", default="", help="what the list is called; else the file's name")
        parser.add_argument("--dry-run", action="store_true", help="say what would change, and change nothing")
        parser.add_argument("--sure", action="store_true", help="figures that look like another unit are meant")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            begins_at = moment(options["begins"])
        except ValueError as error:
            raise CommandError(f"--begins: {error}") from error
        file, source = self._list(options["file"])
        plan = update(
            file,
            source=options["source"] or source,
            begins_at=begins_at,
            sure=options["sure"],
            dry_run=options["dry_run"],
        )
        self._tell(plan, file, done=not options["dry_run"], sure=options["sure"])

    def _list(self, path: Path | None) -> tuple[PriceFile, str]:
        if path is None:
            return bundled(), price_list.source()
        try:
            with path.open("rb") as opened:
                return read(opened.read(MAX_BYTES + 1)), path.name
        except OSError as error:
            raise CommandError(f"{path}: {error.strerror}.") from error

    def _tell(self, plan: Plan, file: PriceFile, *, done: bool, sure: bool) -> None:
        wrong = [*plan.faults, *([] if sure else plan.doubts)]
        for fault in wrong[:MOST_TOLD]:
            self.stderr.write(str(fault))
        if len(wrong) > MOST_TOLD:
            self.stderr.write(f"and {len(wrong) - MOST_TOLD:,} more")
        if plan.faults:
            raise CommandError("No price was added. Mend what is named above, and take the whole list again.")
        if wrong:
            raise CommandError("No price was added. If these figures are meant as they are, say --sure.")
        for change in plan.changes:
            self.stdout.write(_in_words(change))
        left_out = f", {file.without_price:,} without a price left out" if file.without_price else ""
        verb = "added" if done else "would be added"
        self.stdout.write(
            f"{counted(len(plan.changes), 'price')} {verb}, {plan.unchanged:,} as they are already{left_out}."
        )


def _in_words(change: Change) -> str:
    figures = [
        f"{title} {_amount(after)}" if before is None else f"{title} {_amount(before)} -> {_amount(after)}"
        for title, (before, after) in differences(change.before, change.listed.price).items()
    ]
    new = "" if change.before is not None else "new, "
    return f"{change.listed.model}: {new}{', '.join(figures)}, from {change.begins_at:%Y-%m-%d %H:%M} UTC"


def _amount(amount: object) -> str:
    return "none" if amount is None else f"{amount.normalize():f}" if isinstance(amount, Decimal) else str(amount)
