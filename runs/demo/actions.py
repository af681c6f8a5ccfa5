"""What people and operators do with made-up teams: make one, look at one's own example, remove one."""

from __future__ import annotations

from collections.abc import Callable

from django.db import IntegrityError, transaction

from runs.demo import making, removing
from runs.demo.making import Order
from runs.models import Run
from runs.states import RUN_LIVE
from teams.access import COMMAND, Principal, require
from teams.audit.record import record
from teams.models import Membership, Origin, Role, Team, User
from teams.refusals import Conflict, Invalid
from teams.texts.names import MADE_UP_PREFIX

MAX_RUNS = 10_000_000
MAX_DAYS = 365
EXAMPLE_RUNS, EXAMPLE_DAYS = 1500, 90
REMOVED_AT_ONCE = 5000
"""The most runs that a page removes; more take longer than a page may."""


def make_history(
    slug: str,
    order: Order,
    *,
    owner: User | None = None,
    origin: Origin = COMMAND,
    jobs: int = 1,
    progress: Callable[[int], None] = lambda count: None,
) -> Team:
    """A new team with a history. ``owner`` becomes an owner of it; nobody else who exists can look at it.

    With one job all is one transaction if the caller opens it; with more, what was written stays if something fails,
    and ``remove_history`` removes it. Raises ``Invalid`` for an order out of bounds, ``Conflict`` for a slug that is
    taken.
    """
    _refuse(order)
    try:
        with transaction.atomic():
            team, versions = making.begin_team(slug, order)
            if owner is not None:
                Membership.objects.create(team=team, user=owner, role=Role.OWNER)
                record(Principal(owner, team, Role.OWNER, origin), "team.made", team, made_up_runs=order.runs)
    except IntegrityError as error:
        raise Conflict(f"There is a team {slug!r} already. Choose another slug.") from error
    making.write_runs(team, versions, order, jobs=jobs, progress=progress)
    making.finish(team, order)
    return team


def open_example(user: User, origin: Origin = COMMAND) -> Team:
    """The person's own example team, made now if they have none."""
    slug = f"{MADE_UP_PREFIX}{user.pk}"
    order = Order(EXAMPLE_RUNS, EXAMPLE_DAYS, making.last_hour())
    try:
        with transaction.atomic():
            return make_history(slug, order, owner=user, origin=origin)
    except Conflict:
        team = Team.objects.filter(slug=slug, is_demo=True, memberships__user=user).first()
        if team is None:
            raise
        return team


def remove_history(team: Team, *, progress: Callable[[int], None] = lambda count: None) -> None:
    """Removes a made-up team with everything in it. Raises ``Invalid`` for any other team, ``Conflict`` while a run of
    it is in progress."""
    _refuse_removal(team)
    removing.each_batch(team, progress)
    with transaction.atomic():
        locked = Team.objects.select_for_update().filter(pk=team.pk).first()
        if locked is not None:
            _refuse_removal(locked)
            removing.each_batch(locked, progress)
            removing.remove_team(locked)


def remove_example(who: Principal) -> None:
    """Like ``remove_history``, for an owner on a page: ``Conflict`` for a history that takes longer than that may."""
    require(who, Role.OWNER)
    if Run.objects.filter(team=who.team)[REMOVED_AT_ONCE:].exists():
        raise Conflict(
            f"This history is too large to be removed on a page. An operator removes it with "
            f"'manage.py remove_history --team {who.team.slug}'."
        )
    remove_history(who.team)


def _refuse(order: Order) -> None:
    fields = {}
    if not 1 <= order.runs <= MAX_RUNS:
        fields["runs"] = f"Give a number from 1 to {MAX_RUNS:,}."
    if not 1 <= order.days <= MAX_DAYS:
        fields["days"] = f"Give a number from 1 to {MAX_DAYS}."
    if order.until > making.last_hour() or order.until != order.until.replace(minute=0, second=0, microsecond=0):
        fields["until"] = f"Give a whole hour up to {making.last_hour():%Y-%m-%dT%H:00Z}."
    if fields:
        raise Invalid(" ".join(f"{name}: {fault}" for name, fault in fields.items()), fields=fields)


def _refuse_removal(team: Team) -> None:
    if not team.is_demo or removing.holds_real(team):
        raise Invalid(f"{team.slug} is not a made-up team, so it is not removed.")
    live = Run.objects.filter(team=team, state__in=RUN_LIVE).count()
    if live:
        runs = "1 run is" if live == 1 else f"{live} runs are"
        raise Conflict(f"{runs} still in progress in this team. Cancel them or wait for their end, then remove it.")
