"""Setting a team's limits, and giving one run another budget: what works, and each refusal."""

from __future__ import annotations

import threading
from decimal import Decimal
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.db import connection, transaction

from agents_app.models import Crew
from runs.limits.actions import TeamLimits, limits_of, resume, set_limits
from runs.models import Allowance, Bill, PriceQuote, Run
from runs.months import this_month
from runs.states import RunState
from teams.actions import add_provider
from teams.models import Membership, Team
from teams.refusals import Conflict, Invalid
from tests.cast import Cast, make_cast
from tests.ledger import make_run
from tests.runs.workers import in_thread

ALL = TeamLimits(
    budget_usd=Decimal("12.5"),
    run_budget_usd=Decimal("0.000000001"),
    run_max_calls=2,
    run_max_seconds=5,
    runs_at_once=3,
    user_budget_usd=Decimal(0),
    at_limit="fallback",
    fallback_model="gpt-4o-mini",
    launch_quota=7,
    launch_window_s=90,
)


@pytest.fixture
def cast(db: None) -> Cast:
    made = make_cast()
    add_provider(made.owner, provider="openai", api_key="sk-x")
    PriceQuote.objects.create(model="gpt-4o-mini", input_usd_per_mtok="0.15", output_usd_per_mtok="0.6")
    return made


def spent(cast: Cast, nusd: int, *, reserved: int = 0, budget: int | None = None) -> Bill:
    month = this_month()
    sums = {"spent_nusd": nusd, "reserved_nusd": reserved, "budget_nusd": budget, "month": month}
    Allowance.objects.create(team=cast.team, user=cast.runner.user, **sums)
    return Bill.objects.create(team=cast.team, **sums)


class TestSetting:
    def test_all_of_them_are_kept_as_they_were_given(self, cast: Cast) -> None:
        members = {cast.viewer.user.pk: Decimal("3.25")}
        wanted = TeamLimits(**{name: getattr(ALL, name) for name in ALL.__slots__} | {"members": members})
        set_limits(cast.owner, wanted)
        assert limits_of(Team.objects.get(pk=cast.team.pk)) == wanted

    def test_they_hold_for_the_present_month_too(self, cast: Cast) -> None:
        bill = spent(cast, 100)
        set_limits(cast.owner, TeamLimits(budget_usd=Decimal(2), user_budget_usd=Decimal(1)))
        bill.refresh_from_db()
        assert bill.budget_nusd == 2_000_000_000
        assert Allowance.objects.get(user=cast.runner.user).budget_nusd == 1_000_000_000

    def test_what_is_not_given_any_more_is_no_limit_any_more(self, cast: Cast) -> None:
        set_limits(cast.owner, TeamLimits(budget_usd=Decimal(2), members={cast.viewer.user.pk: Decimal(1)}))
        set_limits(cast.owner, TeamLimits())
        assert limits_of(Team.objects.get(pk=cast.team.pk)) == TeamLimits()
        assert Bill.objects.get().budget_nusd is None
        assert not Membership.objects.filter(budget_nusd__isnull=False).exists()

    @pytest.mark.parametrize("name", ["editor", "runner", "viewer"])
    def test_only_an_owner_may(self, cast: Cast, name: str) -> None:
        with pytest.raises(PermissionDenied):
            set_limits(getattr(cast, name), ALL)

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("budget_usd", Decimal(-1)),
            ("budget_usd", Decimal(1_000_001)),
            ("run_budget_usd", Decimal("0.0000000001")),
            ("budget_usd", Decimal("1e999990")),
            ("user_budget_usd", Decimal("1e999999")),
            ("user_budget_usd", Decimal("-0.01")),
            ("at_limit", "explode"),
            ("fallback_model", "nobody-knows-this"),
            ("fallback_model", "claude-haiku-4-5"),
            ("fallback_model", "gpt-unpriced"),
            ("run_max_calls", 0),
            ("run_max_calls", 2_000_000_001),
            ("run_max_seconds", -1),
            ("run_max_seconds", 10**30),
            ("runs_at_once", 0),
            ("runs_at_once", 10_001),
            ("launch_quota", 0),
            ("launch_window_s", 0),
            ("launch_window_s", 32 * 86_400),
        ],
    )
    def test_what_cannot_be_is_told_at_its_field_and_nothing_is_changed(
        self, cast: Cast, field: str, value: Any
    ) -> None:
        given = {name: getattr(ALL, name) for name in ALL.__slots__} | {field: value}
        with pytest.raises(Invalid) as refused:
            set_limits(cast.owner, TeamLimits(**given))
        assert list(refused.value.fields) == [field]
        assert limits_of(Team.objects.get(pk=cast.team.pk)) == TeamLimits()

    @pytest.mark.parametrize("model", ["x" * 201, "gpt\x004"])
    def test_a_model_that_cannot_be_kept_is_refused_also_where_it_is_not_asked(self, cast: Cast, model: str) -> None:
        with pytest.raises(Invalid) as refused:
            set_limits(cast.owner, TeamLimits(fallback_model=model))
        assert list(refused.value.fields) == ["fallback_model"]

    def test_a_budget_of_somebody_elses_member_is_refused(self, cast: Cast) -> None:
        with pytest.raises(Invalid) as refused:
            set_limits(cast.owner, TeamLimits(members={cast.stranger.user.pk: Decimal(1)}))
        assert list(refused.value.fields) == [f"members.{cast.stranger.user.pk}"]

    @pytest.mark.parametrize("field", ["budget_usd", "user_budget_usd"])
    def test_less_than_is_spent_and_held_is_refused_with_the_least_that_may_be(self, cast: Cast, field: str) -> None:
        spent(cast, 1_500_000_000, reserved=250_000_000)
        with pytest.raises(Invalid) as refused:
            set_limits(cast.owner, TeamLimits(**{field: Decimal("1.74")}))
        assert "$1.75" in refused.value.fields[field]
        set_limits(cast.owner, TeamLimits(**{field: Decimal("1.75")}))

    def test_an_own_budget_below_what_the_member_spent_is_told_at_that_member(self, cast: Cast) -> None:
        spent(cast, 1_500_000_000)
        with pytest.raises(Invalid) as refused:
            set_limits(cast.owner, TeamLimits(members={cast.runner.user.pk: Decimal(1)}))
        assert list(refused.value.fields) == [f"members.{cast.runner.user.pk}"]

    def test_limits_that_somebody_else_changed_meanwhile_are_not_overwritten(self, cast: Cast) -> None:
        seen = limits_of(cast.team).digest
        set_limits(cast.owner, TeamLimits(budget_usd=Decimal(5)), seen=seen)
        with pytest.raises(Conflict):
            set_limits(cast.owner, TeamLimits(launch_quota=3), seen=seen)
        assert limits_of(Team.objects.get(pk=cast.team.pk)) == TeamLimits(budget_usd=Decimal(5))


@pytest.mark.django_db(transaction=True)
def test_a_bill_that_begins_while_limits_are_set_begins_with_the_new_ones(transactional_db: None) -> None:
    cast = make_cast()
    locked, go_on = threading.Event(), threading.Event()

    def set_slowly() -> None:
        with transaction.atomic():
            set_limits(cast.owner, TeamLimits(budget_usd=Decimal(1)))
            locked.set()
            go_on.wait(20)

    setting = in_thread(set_slowly)
    assert locked.wait(20)
    # What the first call of a month does, before the new limits are there to be seen.
    begin = """
        INSERT INTO runs_bill AS bill (team_id, month, budget_nusd, spent_nusd, reserved_nusd)
        SELECT id, %s, budget_nusd, 0, 5 FROM teams_team WHERE id = %s
        ON CONFLICT (team_id, month) DO UPDATE SET reserved_nusd = bill.reserved_nusd + excluded.reserved_nusd
    """
    month = this_month()

    def open_call() -> None:
        with connection.cursor() as cursor:
            cursor.execute(begin, [month, cast.team.pk])

    opening = in_thread(open_call)
    go_on.set()
    setting.join(20)
    opening.join(20)
    bill = Bill.objects.get()
    assert (bill.budget_nusd, bill.reserved_nusd) == (1_000_000_000, 5)


class TestAnotherBudgetForARun:
    def waiting(self, cast: Cast, crew: Crew, **fields: Any) -> Run:
        usual = {"waiting_for": "run_budget", "needs_nusd": 30_000_000, "budget_nusd": 1_000_000_000}
        return make_run(cast.runner, crew, state=RunState.WAITING, usd=0.98, **(usual | fields))

    def test_it_goes_on_with_a_larger_one(self, cast: Cast, crew: Crew) -> None:
        run = resume(cast.runner, self.waiting(cast, crew), budget_usd=Decimal("1.01"))
        assert (run.state, run.waiting_for, run.budget_nusd) == (RunState.QUEUED, "", 1_010_000_000)

    def test_a_run_under_way_may_be_given_one_too(self, cast: Cast, crew: Crew) -> None:
        run = make_run(cast.runner, crew, state=RunState.RUNNING, budget_nusd=1_000_000)
        assert resume(cast.runner, run, budget_usd=Decimal(2)).budget_nusd == 2_000_000_000

    @pytest.mark.parametrize(
        ("budget", "words"),
        [
            ("1.009", "at least $1.01"),
            ("0", "above $0"),
            ("-1", "above $0"),
            ("1000001", "up to $1,000,000"),
            ("1e999990", "up to $1,000,000"),
            ("1.1000000004", "nine decimals"),
            ("0.5", "$0.98 of it are spent"),
            ("6", "at most $5"),
        ],
    )
    def test_one_that_cannot_be_is_told_at_its_field(self, cast: Cast, crew: Crew, budget: str, words: str) -> None:
        cast.team.run_budget_nusd = 5_000_000_000
        run = self.waiting(cast, crew)
        with pytest.raises(Invalid) as refused:
            resume(cast.runner, run, budget_usd=Decimal(budget))
        assert words in refused.value.fields["budget_usd"]
        run.refresh_from_db()
        assert (run.state, run.budget_nusd) == (RunState.WAITING, 1_000_000_000)

    def test_trying_again_while_it_is_short_says_what_is_missing(self, cast: Cast, crew: Crew) -> None:
        with pytest.raises(Conflict, match=r"of \$1 does not cover the next call: \$0\.98 are spent"):
            resume(cast.runner, self.waiting(cast, crew))

    def test_a_run_that_waits_for_a_person_is_not_let_by(self, cast: Cast, crew: Crew) -> None:
        run = self.waiting(cast, crew, waiting_for="person", needs_nusd=None)
        with pytest.raises(Conflict):
            resume(cast.runner, run)
        assert resume(cast.runner, run, budget_usd=Decimal(2)).state == RunState.WAITING

    def test_a_run_that_has_ended_stays_ended(self, cast: Cast, crew: Crew) -> None:
        with pytest.raises(Conflict, match="already succeeded"):
            resume(cast.runner, make_run(cast.runner, crew), budget_usd=Decimal(2))

    def test_who_may_only_look_may_not(self, cast: Cast, crew: Crew) -> None:
        with pytest.raises(PermissionDenied):
            resume(cast.viewer, self.waiting(cast, crew), budget_usd=Decimal(2))
