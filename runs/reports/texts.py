"""A report in words: the same sentences and amounts in both parts of the mail and on the preview; and as facts for
webhooks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from engine.text import counted
from runs.addresses import bill_url, reports_url, spent_url
from runs.models import ReportKind
from runs.money import dollars, sized, usd_text
from runs.reports.figures import Figures
from runs.reports.periods import Period
from teams.models import Team

MINUS = "−"
OTHER = "everything else"
KIND_WORDS = {ReportKind.WEEK: "each Monday", ReportKind.MONTH: "on the first of each month"}


@dataclass(frozen=True, slots=True)
class ChangeLine:
    """A row of the table of changes. ``spent`` and ``before`` are "" for everything else."""

    difference: str
    is_more: bool
    crew: str
    before: str = ""
    spent: str = ""


@dataclass(frozen=True, slots=True)
class Told:
    """A report, sentence by sentence; "" where there is nothing to say."""

    subject: str
    answer: str
    unpriced: str
    budget: str
    forecast: str
    changes_title: str
    changes: Sequence[ChangeLine]
    link_title: str
    link: str
    moment: str
    choose: str  # the address where reports are chosen


def told(team: Team, figures: Figures, made_at: datetime) -> Told:
    """``made_at``: when the figures were read."""
    period = figures.period
    return Told(
        subject=" ".join(f"[Crewsite] {team}: {_spent(figures)} in {period.in_words}".split()),
        answer=f"{team} spent {_spent(figures)} in {period.in_words}{_runs(figures.runs)}: {_against(figures)}.",
        unpriced=_unpriced(figures.unpriced_calls),
        budget=_budget(figures),
        forecast=_forecast(figures),
        changes_title=f"Largest changes against {_before_words(figures)}" if figures.changes else "",
        changes=_changes(figures),
        link_title="What it was for",
        link=_link(team, period),
        moment=f"As booked at {made_at.astimezone(UTC):%H:%M} on {_day(made_at.astimezone(UTC).date())}. "
        "Days, weeks and months are in UTC; amounts are in US dollars; simulated runs cost nothing and are left out.",
        choose=reports_url(team),
    )


def _link(team: Team, period: Period) -> str:
    if period.kind == ReportKind.MONTH:
        return bill_url(team, period.month)
    return spent_url(team, period.begins, period.last_day)


def plain(report: Told, *, stop: str = "") -> str:
    """The mail's text. ``stop``: the address that ends such reports."""
    changes = "\n".join(f"  {_plain_change(line)}" for line in report.changes)
    parts = [
        report.answer,
        report.unpriced,
        " ".join(filter(None, (report.budget, report.forecast))),
        f"{report.changes_title}:\n{changes}" if changes else "",
        f"{report.link_title}: {report.link}",
        report.moment,
        f"You get this because you asked for it. Other reports, or none: {report.choose}\n"
        f"Stop these, without signing in: {stop}"
        if stop
        else "",
    ]
    return "\n\n".join(filter(None, parts)) + "\n"


def facts(team: Team, figures: Figures) -> dict[str, Any]:
    """What webhooks are told: exact amounts, as decimal texts in USD."""
    period = figures.period
    return {
        "kind": figures.kind,
        "from": figures.begins,
        "to": period.last_day.isoformat(),
        "time_zone": "UTC",
        "spent_usd": usd_text(figures.spent_nusd),
        "before_usd": usd_text(figures.before_nusd),
        "unpriced_calls": figures.unpriced_calls,
        "runs": figures.runs,
        "changes": [
            {
                "crew": change.crew,
                "spent_usd": usd_text(change.spent_nusd),
                "before_usd": usd_text(change.before_nusd),
                "difference_usd": usd_text(change.difference_nusd),
            }
            for change in figures.changes
        ],
        "month": {
            "month": figures.month[:7],
            "spent_usd": usd_text(figures.month_nusd),
            "budget_usd": usd_text(figures.budget_nusd),
            "forecast": figures.forecast or None,
        },
        "url": _link(team, period),
    }


def _spent(figures: Figures) -> str:
    least = "at least " if figures.unpriced_calls else ""
    return f"{least}{amount(figures.spent_nusd)}"


def _runs(count: int) -> str:
    """None were launched where all that was called belongs to runs from before."""
    return f", in {counted(count, 'run')}" if count else ""


def amount(nusd: int) -> str:
    """As on the bill; below 0 if credits for a closed month exceed what was spent."""
    return f"{MINUS if nusd < 0 else ''}{sized(nusd)}"


def _against(figures: Figures) -> str:
    before = figures.before_nusd
    if before is None:
        return f"nothing ran in {_before_words(figures)}"
    difference = figures.spent_nusd - before
    if not difference:
        return f"as much as in {_before_words(figures)}"
    more = "more" if difference > 0 else "less"
    return f"{sized(difference)} {more} than in {_before_words(figures)} ({amount(before)})"


def _before_words(figures: Figures) -> str:
    if figures.kind == ReportKind.WEEK:
        return "the week before"
    return figures.period.before.in_words


def _unpriced(calls: int) -> str:
    if not calls:
        return ""
    known = "has no known price and is" if calls == 1 else "have no known price and are"
    return f"{counted(calls, 'call')} {known} not in these sums."


def _budget(figures: Figures) -> str:
    month = date.fromisoformat(figures.month)
    so_far = "" if figures.month_is_over else " so far"
    spent = f"{month:%B %Y}{so_far}: {amount(figures.month_nusd)}"
    if figures.budget_nusd is None:
        return f"{spent}, without a budget."
    share = f" ({100 * figures.month_nusd / figures.budget_nusd:.0f} %)" if figures.budget_nusd else ""
    return f"{spent} of a budget of {dollars(figures.budget_nusd)}{share}."


def _forecast(figures: Figures) -> str:
    if not figures.forecast:
        return ""
    ends = f"; the budget {figures.budget_ends}" if figures.budget_ends else ""
    return f"Forecast: {figures.forecast}{ends}."


def _changes(figures: Figures) -> list[ChangeLine]:
    lines = [
        ChangeLine(
            _signed(change.difference_nusd),
            change.difference_nusd > 0,
            change.crew,
            amount(change.before_nusd),
            amount(change.spent_nusd),
        )
        for change in figures.changes
    ]
    other = figures.other_nusd
    if lines and other:
        lines.append(ChangeLine(_signed(other), other > 0, OTHER))
    return lines


def _plain_change(line: ChangeLine) -> str:
    from_to = f" ({line.before} before, {line.spent} now)" if line.spent else ""
    return f"{line.difference}  {' '.join(line.crew.split())}{from_to}"


def _signed(nusd: int) -> str:
    return f"{'+' if nusd > 0 else MINUS}{sized(nusd)}"


def _day(day: date) -> str:
    return f"{day.day} {day:%b %Y}"
