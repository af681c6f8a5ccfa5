"""Who launches a row of a batch: whoever added it, ran it again or took it over, by the token that they did it with.

A row is never started in the name, the quota and the budget of somebody else than that.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import NamedTuple

from django.db.models import Q

from runs.models import Batch, BatchRow
from runs.states import BatchState
from teams.models import ApiToken, Membership, Role, Team, User
from teams.queries import tokens_that_work


class Launcher(NamedTuple):
    """Ids of a person, None for an account that was removed, and of a token, None for a page."""

    user: int | None
    token: int | None


def launcher_of(row: BatchRow) -> Launcher:
    return Launcher(row.added_by_id, row.api_token_id)


def rows_of(launchers: Collection[Launcher]) -> Q:
    """What holds of rows of one of these launchers."""
    found = Q(pk__in=())
    for user, token in launchers:
        found |= Q(added_by=user, api_token=token)
    return found


def able(team: Team, launchers: Collection[Launcher]) -> Mapping[Launcher, User]:
    """Those who may launch runs of the team now, each with its person. At most two queries, however many they are."""
    people = {one.user for one in launchers if one.user is not None}
    tokens = {one.token for one in launchers if one.token is not None}
    members = Membership.objects.filter(team=team, user__in=people, role__gte=Role.RUNNER, user__is_active=True)
    user_of = {member.user_id: member.user for member in members.select_related("user")} if people else {}
    working = tokens_that_work(ApiToken.objects.filter(pk__in=tokens)).values_list("pk", flat=True) if tokens else ()
    fit = {None, *working}
    return {one: user_of[one.user] for one in launchers if one.user in user_of and one.token in fit}


def stranded(batch: Batch) -> list[Launcher]:
    """The launchers of rows that wait, as far as they may launch no more."""
    waiting = BatchRow.objects.filter(batch=batch, run=None).order_by().values_list("added_by", "api_token").distinct()
    launchers = [Launcher(*one) for one in waiting]
    fit = able(batch.team, launchers)
    return [one for one in launchers if one not in fit]


def mark_stranded(batch: Batch, rows: Collection[BatchRow]) -> None:
    """Says of each row in ``is_stranded`` whether it waits for somebody who may launch no more. At most two queries."""
    waiting = {launcher_of(row) for row in rows if row.run_id is None} if batch.state != BatchState.CANCELLED else set()
    fit = able(batch.team, waiting) if waiting else {}
    for row in rows:
        row.is_stranded = row.run_id is None and launcher_of(row) in waiting and launcher_of(row) not in fit


def take_over_stranded(batch: Batch, taker: Launcher) -> int:
    """Gives the rows that wait for those who may launch no more to another; how many they were."""
    return _take_over(batch, taker, rows_of(stranded(batch)))


def take_over_others(batch: Batch, taker: Launcher) -> int:
    """Gives all rows that wait to this one, but those that are the same person's and may start already."""
    return _take_over(batch, taker, ~Q(added_by=taker.user) | Q(added_by=None) | rows_of(stranded(batch)))


def _take_over(batch: Batch, taker: Launcher, these: Q) -> int:
    rows = BatchRow.objects.filter(these, batch=batch, run=None)
    return rows.update(added_by=taker.user, api_token=taker.token)
