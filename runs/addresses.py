"""Full addresses of pages, as people find them in the API's answers, in mails and in webhooks."""

from __future__ import annotations

from datetime import date

from django.conf import settings
from django.urls import reverse

from runs.models import Batch, DataSet, Run, Schedule
from teams.models import Team


def run_url(run: Run) -> str:
    """The page of the run."""
    return _full_address("run", team=run.team.slug, run_id=run.pk)


def batch_url(batch: Batch) -> str:
    """The page of the batch."""
    return _full_address("batch", team=batch.team.slug, batch_id=batch.pk)


def data_set_url(data_set: DataSet) -> str:
    """The page of the data set."""
    return _full_address("data_set", team=data_set.team.slug, name=data_set.name)


def schedule_url(schedule: Schedule) -> str:
    """The page of the schedule."""
    return _full_address("schedule", team=schedule.team.slug, schedule_id=schedule.pk)


def limits_url(team: Team) -> str:
    """The page on which the team's budgets are seen and raised."""
    return _full_address("limits", team=team.slug)


def reports_url(team: Team) -> str:
    """The page on which a member chooses which reports they get."""
    return _full_address("reports", team=team.slug)


def spent_url(team: Team, first: date, last: date) -> str:
    """The figures of real runs from the first to the last of these days."""
    return f"{_full_address('first_page', team=team.slug)}?money=real&since={first}&until={last}"


def bill_url(team: Team, month: date) -> str:
    """The bill of the month, of real runs."""
    return f"{_full_address('bill', team=team.slug, month=f'{month:%Y-%m}')}?money=real"


def _full_address(name: str, /, **parts: object) -> str:
    return f"{settings.PUBLIC_URL}{reverse(name, kwargs=parts)}"
