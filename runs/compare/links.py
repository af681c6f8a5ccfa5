"""Where a side and its tasks are shown."""

from __future__ import annotations

from urllib.parse import urlencode

from django.urls import reverse

from runs.splits.facts import CREW, Side
from teams.access import Principal


def side_address(who: Principal, side: Side) -> str:
    """The page of the run, or the list of the group's runs."""
    if side.run is not None:
        return reverse("run", kwargs={"team": who.team.slug, "run_id": side.run.pk})
    return f"{reverse('runs', kwargs={'team': who.team.slug})}?{urlencode({'q': side.filter})}"


def task_address(who: Principal, side: Side, key: str) -> str:
    """Where the figures of a task are told: its page; of a group the list of its runs."""
    if side.run is None:
        return side_address(who, side)
    if key == CREW:
        return reverse("run_calls", kwargs={"team": who.team.slug, "run_id": side.run.pk})
    return reverse("run_task", kwargs={"team": who.team.slug, "run_id": side.run.pk, "key": key})
