"""Checks that the books are right, prints what is not, and fails if anything is not."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from runs.ledger.invariants import INVARIANTS, Finding, examine, record
from runs.ledger.invariants.provider_log import Billed, UnreadableLog, compare, read_log


class Command(BaseCommand):
    help = "Check every invariant of the ledger; exit code 1 if one is violated."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="print one JSON document")
        parser.add_argument("--only", metavar="NAME", choices=INVARIANTS, action="append", help="check this one alone")
        parser.add_argument(
            "--provider-log",
            metavar="FILE",
            type=Path,
            help="what a provider billed, as JSON lines: id, prompt_tokens, completion_tokens",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        billed = self._billed(options["provider_log"])
        findings = examine(options["only"])
        if options["only"] is None:
            record(findings)
        if billed is not None:
            findings.append(compare(billed))
        violated = [finding for finding in findings if finding.count]
        if options["json"]:
            self.stdout.write(json.dumps({"ok": not violated, "invariants": [asdict(finding) for finding in findings]}))
        else:
            self._print(findings)
        if violated:
            sys.exit(1)

    def _print(self, findings: list[Finding]) -> None:
        for finding in findings:
            if not finding.count:
                self.stdout.write(f"{finding.name}: ok ({finding.took_ms} ms)")
                continue
            self.stdout.write(f"{finding.name}: {finding.count} VIOLATED. {finding.meaning}")
            for row in finding.rows:
                self.stdout.write(f"    {row}")
            if finding.count > len(finding.rows):
                self.stdout.write(f"    and {finding.count - len(finding.rows)} more")

    def _billed(self, log: Path | None) -> list[Billed] | None:
        if log is None:
            return None
        try:
            with log.open(encoding="utf-8") as lines:
                return read_log(lines)
        except (OSError, UnicodeDecodeError, UnreadableLog) as error:
            raise CommandError(f"{log}: {error}") from error
