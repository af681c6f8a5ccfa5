"""What rollups say of a version, or of a filter, is what its runs and calls say, to the last digit."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db.models import F, QuerySet

from agents_app.models import Crew, CrewVersion
from runs.compare.reads import queries, whole_groups
from runs.compare.reads.whole_groups import Whole, whole_filter, whole_version
from runs.history.filters import RunFilter
from runs.ledger import rollups
from runs.models import Call, Review, Run, TaskRun
from runs.splits.facts import CallSums
from teams.access import Principal
from teams.models import Role, Team
from tests.cast import Cast
from tests.runs.compare.runs_to_compare import COMPARE, a_run
from tests.runs.compare.test_views import signed_in
from tests.runs.demo.histories import made

pytestmark = pytest.mark.django_db


def by_key(calls: Sequence[CallSums]) -> dict[tuple[object, ...], CallSums]:
    return {(call.task, call.model, call.cost_class, call.kind, call.priced): call for call in calls}


def assert_same(whole: Whole, runs: QuerySet[Run], *, simulated: bool) -> None:
    runs = runs.filter(simulated=simulated, finished_at__isnull=False)
    totals = whole_groups.totals_of(whole)[simulated]
    assert totals == queries.totals_of(runs)[queries.ALL]
    values = whole_groups.values_of(runs.order_by("-pk"), most=10_000)
    assert (values.cost, values.time) == queries.spreads_of(runs, totals)
    assert values.rated_runs == totals.rated_runs
    assert values.stars == queries.stars_of(runs.values("pk")).get(queries.ALL, {})
    calls = whole_groups.calls_of(whole, simulated=simulated)
    assert by_key(calls) == by_key(queries.call_sums(runs)[queries.ALL])
    assert whole_groups.tasks_of(whole, simulated=simulated) == queries.task_sums(runs)[queries.ALL]


def assert_same_of_version(version: CrewVersion, *, simulated: bool) -> None:
    assert_same(whole_version(version), Run.objects.filter(version=version), simulated=simulated)


def a_history() -> Team:
    """With calls without a price, of the crew as a whole, with cached tokens, and with people who were asked."""
    team = made(runs=300)
    calls = Call.objects.filter(team=team).order_by("pk")
    some = list(calls.values_list("pk", flat=True))
    calls.filter(pk__in=some[::11]).update(cost_nusd=None)
    calls.filter(pk__in=some[::13]).update(task_run=None)
    calls.filter(pk__in=some[::7], cost_nusd__isnull=False).update(
        cached_prompt_tokens=F("prompt_tokens") / 3, cached_usd_per_mtok=Decimal("0.0123456789")
    )
    fees = {"request_nusd": 5, "searches_nusd": 4, "citations_nusd": 3, "beyond_ours_nusd": -2}
    rest = dict.fromkeys(("cached_nusd", "cache_write_nusd", "completion_nusd", "reasoning_nusd"), 0)
    calls.filter(pk__in=some[::5], cost_nusd__isnull=False).update(prompt_nusd=F("cost_nusd") - 10, **fees, **rest)
    calls.filter(pk__in=some[::3]).update(reasoning_tokens=F("completion_tokens") / 2, reasoning_usd_per_mtok=3)
    calls.filter(pk__in=some[::17]).update(branch="3.1", waited_ms=31)
    for task in TaskRun.objects.filter(run__team=team, finished_at__isnull=False).order_by("pk")[:40:3]:
        Review.objects.create(task_run=task, number=0, asked_at=task.finished_at - timedelta(seconds=1.2345))
    Run.objects.filter(team=team, pk__in=Run.objects.values("pk")[:50]).update(paused_s=1.2345, unpriced_calls=1)
    rollups.rebuild(team.pk)
    return team


def test_of_every_version_of_a_history() -> None:
    team = a_history()
    versions = [version for version in CrewVersion.objects.filter(crew__team=team) if version.runs.exists()]
    assert len(versions) > 8
    for version in versions:
        assert_same_of_version(version, simulated=True)


def test_of_filters_of_crews_versions_and_days() -> None:
    team = a_history()
    who = Principal(team.memberships.get(role=Role.OWNER).user, team, Role.OWNER)
    runs = Run.objects.filter(team=team)
    first, last = (runs.order_by(order)[0].created_at.date() for order in ("created_at", "-created_at"))
    middle, crews = first + (last - first) / 2, Crew.objects.filter(team=team, runs__isnull=False).distinct()
    one, other, *_ = (crew.slug for crew in crews.order_by("slug"))
    for text in (
        "",
        f"since:{middle}",
        f"until:{middle} crew:={one},={other}",
        f"since:{first + timedelta(days=3)} since:{first} until:{middle}T00:00Z -crew:={one} simulated:yes",
        f"crew:={other} version:1..2",
        f"-version:1 since:{middle}",
    ):
        asked = RunFilter.parse(text, who)
        whole = whole_filter(team.pk, asked)
        assert whole is not None, text
        assert asked.apply(runs).count() > 5, text
        assert_same(whole, asked.apply(runs), simulated=True)


@pytest.mark.parametrize(
    "text", ["status:failed", "since:2026-01-01T10:00", "since:7d", "model:gpt", "-since:2026-01-01", "acme", "cost:>1"]
)
def test_what_rollups_do_not_know_is_read_from_the_runs(cast: Cast, text: str) -> None:
    assert whole_filter(cast.team.pk, RunFilter.parse(text, cast.owner)) is None


def test_real_and_simulated_runs_are_apart_and_live_ones_left_out(cast: Cast, crew: Crew) -> None:
    a_run(cast, crew, 3)
    a_run(cast, crew, 2, state="failed")
    a_run(cast, crew, 50, simulated=True)
    a_run(cast, crew, 7, state="running")
    version = crew.versions.get()
    assert_same_of_version(version, simulated=False)
    assert_same_of_version(version, simulated=True)
    assert whole_groups.totals_of(whole_version(version))[False].runs == 2


def test_of_a_large_version_all_runs_are_summed_and_the_newest_make_the_medians(
    cast: Cast, crew: Crew, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("runs.compare.reads.queries.MAX_GROUP", 2)
    for calls in (50, 1, 1):
        a_run(cast, crew, calls)
    side = signed_in(cast.viewer).get(f"{COMPARE}?versions=company-brief@1").context["page"].heads[0].side
    assert (side.runs, side.totals.spent_nusd) == (3, 52 * 750_000)
    assert side.cost is not None
    assert (side.cost.sample.count, side.cost.sample.median) == (2, 750_000)
    assert "Sums are of all 3 runs; medians, spreads and intervals of the newest 2." in side.notes
