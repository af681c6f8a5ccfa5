"""Full addresses of pages, as people find them in the API's answers, in mails and in webhooks."""

from __future__ import annotations

from django.conf import settings
from django.urls import reverse

from runs.models import Run
from teams.models import Team


def run_url(run: Run) -> str:
    """The page of the run."""
    return _full_address("run", team=run.team.slug, run_id=run.pk)


def limits_url(team: Team) -> str:
    """The page on which the team's budgets are seen and raised."""
    return _full_address("limits", team=team.slug)


def _full_address(name: str, **parts: object) -> str:
    return f"{settings.PUBLIC_URL}{reverse(name, kwargs=parts)}"
