"""A team's October and November of 2026, as its reports tell them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime
from typing import Any

from agents_app.actions import create_crew
from agents_app.models import Crew
from runs.ledger import rollups
from runs.models import Bill, Call, ReportKind, ReportWish, Run
from runs.reports.actions import SINCE
from teams.access import Principal
from tests.cast import Cast, brief_spec
from tests.ledger import make_call, make_run

USD = 10**9
DECEMBER = datetime(2026, 12, 1, 6, tzinfo=UTC)
"""When November's report is due; a Tuesday."""
MONDAY = datetime(2026, 11, 16, 6, tzinfo=UTC)
OCTOBER, NOVEMBER = date(2026, 10, 1), date(2026, 11, 1)
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


def named(who: Principal, name: str) -> Crew:
    return create_crew(who, name=name, spec=brief_spec())


def ran(who: Principal, crew: Crew, day: date, nusd: int | None, **fields: Any) -> Run:
    """A run on that day whose one call cost so much."""
    at = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
    run = make_run(who, crew, **fields)
    Run.objects.filter(pk=run.pk).update(created_at=at)
    simulated = fields.get("simulated", False)
    make_call(run, cost_nusd=nusd, started_at=at, billed_month=day.replace(day=1), simulated=simulated)
    return run


def fold(cast: Cast, *, budget_nusd: int | None = None) -> None:
    """Rollups, and bills that are sums of the calls, as the ledger keeps them."""
    rollups.rebuild(cast.team.pk)
    Bill.objects.all().delete()
    for call in Call.objects.filter(simulated=False):
        bill, _ = Bill.objects.get_or_create(
            team=cast.team, month=call.billed_month, defaults={"budget_nusd": budget_nusd}
        )
        bill.spent_nusd += call.cost_nusd or 0
        bill.save()


def make_autumn(cast: Cast) -> None:
    """October costs $60, November $100 of a budget of $200; four crews share the difference."""
    amounts = {"Support": (20, 61), "Briefs": (0, 12), "Content": (30, 20), "Notes": (10, 7)}
    for name, (october, november) in amounts.items():
        crew = named(cast.editor, name)
        if october:
            ran(cast.runner, crew, date(2026, 10, 14), october * USD)
        ran(cast.runner, crew, date(2026, 11, 12), november * USD)
    fold(cast, budget_nusd=200 * USD)


def want(who: Principal, kinds: Iterable[ReportKind] = tuple(ReportKind), *, since: datetime = LONG_AGO) -> None:
    wanted = {SINCE[kind]: since for kind in kinds}
    ReportWish.objects.update_or_create(team=who.team, user=who.user, defaults=wanted)
