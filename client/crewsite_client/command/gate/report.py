"""What a gate says: a table for the terminal, a document for programs, and Markdown for a pull request."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rich.text import Text

from crewsite_client.command.figures import counted, span, usd
from crewsite_client.command.gate.rules import Finding, Side, Verdict, verdict_of
from crewsite_client.command.screen import Screen, one_line

NAMES = {"cost": "cost, median", "time": "time, median", "success": "success", "rating": "rating, mean"}
HEADLINES: dict[Verdict, str] = {
    "worse": "is worse than",
    "within": "is within its limits against",
    "unclear": "cannot be told yet from",
}
STYLES: dict[Verdict, str] = {"worse": "red", "within": "green", "unclear": "yellow"}
WORDS: dict[Verdict, str] = {"worse": "worse", "within": "within", "unclear": "not enough runs"}


@dataclass(frozen=True, slots=True)
class Report:
    """``sentence`` is the server's why; names of tasks and models in it are not to be trusted."""

    baseline: Side
    version: Side
    found: list[Finding]
    sentence: str

    @property
    def verdict(self) -> Verdict:
        return verdict_of(self.found)

    @property
    def headline(self) -> str:
        return f"{self.version.name} {HEADLINES[self.verdict]} {self.baseline.name}"

    @property
    def advice(self) -> list[str]:
        """What is missing where too few runs tell."""
        return [f"{NAMES[one.measure]}: {_missing(one)}" for one in self.found if one.verdict == "unclear"]

    def as_json(self) -> dict[str, Any]:
        return {
            "verdict": self.verdict,
            "baseline": _side(self.baseline),
            "version": _side(self.version),
            "simulated": self.version.column["simulated"],
            "findings": [one.as_json() for one in self.found],
            "more_runs": max((one.more_runs or 0 for one in self.found), default=0) or None,
            "sentence": self.sentence,
        }

    def show(self, screen: Screen) -> None:
        heads = ["", "baseline", "version", "worse by", "interval", "limit", ""]
        rows = [
            [*cells, Text(WORDS[one.verdict], style=STYLES[one.verdict])]
            for one, cells in zip(self.found, self._cells(), strict=True)
        ]
        screen.table(heads, rows, right=range(1, 6), spare=(4, 5))
        screen.text(f"\n{self.headline}{self._kind}.")
        for line in self.advice:
            screen.text(f"  {line}", prose=True)
        if self.sentence:
            screen.text(f"\n{self.sentence}", prose=True)

    def markdown(self) -> str:
        """All names are made harmless: no markup, no links, nobody is called by @."""
        heads = ["", plain(self.baseline.name), plain(self.version.name), "worse by", "interval", "limit", "verdict"]
        lines = [f"### Crewsite: {plain(self.headline)}", "", _row(heads), _row(["---", *["---:"] * 5, "---"])]
        for one, cells in zip(self.found, self._cells(), strict=True):
            verdict = WORDS[one.verdict]
            lines.append(_row([*map(plain, cells), verdict if one.verdict == "within" else f"**{verdict}**"]))
        lines += ["", *(f"- {plain(line)}" for line in self.advice)]
        if self.sentence:
            lines += ["", f"Why: {plain(one_line(self.sentence, 2_000))}"]
        runs = f"{counted(self.baseline.counted, 'run')} against {self.version.counted:,}{self._kind}"
        lines += ["", f"{runs}. Intervals hold the true difference in 95 of 100 cases."]
        return "\n".join(lines) + "\n"

    @property
    def _kind(self) -> str:
        return ", simulated" if self.version.column["simulated"] else ""

    def _cells(self) -> list[list[str]]:
        return [
            [
                NAMES[one.measure],
                _value(one, one.baseline),
                _value(one, one.version),
                _value(one, one.worse_by, signed=True),
                _interval(one),
                _value(one, one.limit, signed=True),
            ]
            for one in self.found
        ]


def plain(text: str) -> str:
    """Markdown that shows this text within a line and does nothing else."""
    text = re.sub(r"([\\`*_\[\]<>|~])", r"\\\1", one_line(text, 4_000).replace("&", "&amp;"))
    text = re.sub(r"(?i)://|www\.", lambda found: f"{found.group()[:-1]}\\{found.group()[-1]}", text)
    return re.sub(r"([@#])", "\\1\u2060", text)


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _side(side: Side) -> dict[str, Any]:
    return {"name": side.name, "runs": side.counted, "succeeded": side.succeeded}


def _value(one: Finding, value: float | None, *, signed: bool = False) -> str:
    if value is None:
        return "–"
    if one.measure == "cost":
        return usd(f"{value:.9f}", signed=signed)
    if one.measure == "time":
        return span(value, signed=signed)
    if one.measure == "success":
        return f"{100 * value:{'+' if signed else ''}.1f} {'points' if signed else '%'}"
    return f"{value:{'+' if signed else ''}.2f}"


def _interval(one: Finding) -> str:
    if one.low is None or one.high is None:
        return "–"
    return f"{_value(one, one.low, signed=True)} … {_value(one, one.high, signed=True)}".replace(" points …", " …")


def _missing(one: Finding) -> str:
    if one.why:
        return one.why
    runs = f"{one.runs[0]:,} and {one.runs[1]:,} runs are not enough to tell"
    if one.more_runs is None:
        return f"{runs}; the difference lies at the limit"
    return f"{runs}; about {one.more_runs:,} more of each would be"
