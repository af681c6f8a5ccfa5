"""Where a side and its tasks are shown."""

from __future__ import annotations

from functools import lru_cache
from urllib.parse import quote, urlencode
from uuid import UUID

from django.urls import get_script_prefix, reverse

from runs.splits.facts import CREW, Side
from teams.access import Principal

NO_RUN, NO_KEY = UUID(int=0), "a-key"
PATH_SIGNS = "!$&'()*+,;=:@~"
"""Signs that a part of a path may hold as they are, beside letters and digits."""


def side_address(who: Principal, side: Side) -> str:
    """The page of the run, or the list of the group's runs."""
    if side.run is not None:
        return _of_run("run", who, side)
    return f"{reverse('runs', kwargs={'team': who.team.slug})}?{urlencode({'q': side.filter})}"


def task_address(who: Principal, side: Side, key: str, address: str) -> str:
    """Where the figures of a task are told: its page; of a group the list of its runs. ``address``: that of the side,
    as ``side_address`` has it."""
    if side.run is None:
        return address
    return _of_run("run_calls", who, side) if key == CREW else _of_run("run_task", who, side, key)


def _of_run(view: str, who: Principal, side: Side, key: str = "") -> str:
    before, between, behind = _around(view, who.team.slug, get_script_prefix())
    return f"{before}{side.id}{between}{quote(key, safe=PATH_SIGNS)}{behind}"


@lru_cache(maxsize=1000)
def _around(view: str, slug: str, prefix: str) -> tuple[str, str, str]:
    """What stands around a run's id and a task's key in an address: a page has hundreds of them. ``prefix`` is that of
    the request, on which ``reverse`` depends too."""
    of_task = {"key": NO_KEY} if view == "run_task" else {}
    before, _, rest = reverse(view, kwargs={"team": slug, "run_id": NO_RUN, **of_task}).rpartition(str(NO_RUN))
    between, _, behind = rest.rpartition(NO_KEY)
    return before, between, behind
