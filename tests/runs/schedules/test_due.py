"""What sweepers do: each time is launched once, whoever dies or races; what was missed, refused or left out is kept."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from agents_app.actions import archive_crew
from agents_app.models import Crew
from runs.batches.kept_inputs import newest_version
from runs.data_sets.actions import add_rows, change, make_data_set
from runs.data_sets.rows import of_json
from runs.feeding import new_runs
from runs.inbox import queries as inboxes
from runs.models import Batch, InboxEntry, Run, Schedule, ScheduleTime
from runs.schedules import due
from runs.schedules.actions import pause, resume, run_now
from runs.schedules.due import attend, look
from runs.schedules.words import ANOTHER_WAITS, MISSED, STILL_UNDER_WAY, WENT_OFF
from runs.states import RunState
from runs.worker import duties
from teams.actions import issue_token, revoke_token
from teams.models import Membership, Role, Scope, Team
from teams.refusals import Conflict
from tests.cast import Cast, maker_of
from tests.runs.batches.made import end, fed
from tests.runs.schedules.made import HOUR, SECOND, TEN, became, hourly


def off(schedule: Schedule) -> str:
    schedule.refresh_from_db()
    assert (schedule.next_at is None) == bool(schedule.off_for)
    return schedule.off_for


@pytest.mark.django_db
class TestLaunch:
    def test_a_time_that_has_come_launches_once_in_the_name_of_its_owner(self, cast: Cast, crew: Crew) -> None:
        schedule = hourly(cast.runner, crew)
        assert look(TEN - SECOND) == 0
        assert look(TEN + SECOND) == 1
        run = Run.objects.get()
        assert (run.created_by, run.inputs, run.simulated) == (cast.runner.user, {"company": "Acme"}, True)
        time = ScheduleTime.objects.get()
        assert (time.run, time.due_at, time.outcome, time.says) == (run, TEN, "launched", "")
        schedule.refresh_from_db()
        assert schedule.next_at == TEN + HOUR
        assert look(TEN + SECOND) == 0
        assert not InboxEntry.objects.exists()

    def test_one_that_cannot_be_read_any_more_keeps_no_other_from_its_time(self, cast: Cast, crew: Crew) -> None:
        gone = hourly(cast.runner, crew, next_at=TEN - HOUR)
        Schedule.objects.filter(pk=gone.pk).update(time_zone="Gone/Away")
        other = hourly(cast.runner, crew)
        assert look(TEN) == 2
        assert (became(gone), became(other)) == ([], [("10:00", "launched")])

    def test_a_batch_of_the_newest_version_or_of_one(self, cast: Cast, crew: Crew) -> None:
        kept = make_data_set(cast.runner, "leads", of_json([{"Company": "Acme"}]))
        first = newest_version(kept)
        newest = hourly(cast.runner, crew, name="Newest", data_set=kept, max_concurrency=2)
        fixed = hourly(cast.runner, crew, name="Fixed", data_set=kept, data_set_version=first)
        add_rows(cast.runner, kept, of_json([{"Company": "Hooli"}]))
        look(TEN)
        batches = {time.schedule: time.batch for time in ScheduleTime.objects.select_related("batch", "schedule")}
        one, other = batches[newest], batches[fixed]
        assert one is not None
        assert other is not None
        assert (one.name, one.row_count, str(one.data_set_version)) == ("Newest, 2026-03-10 10:00", 2, "leads@2")
        assert (other.row_count, str(other.data_set_version), other.max_concurrency) == (1, "leads@1", 5)
        assert [run.inputs for run in fed(one)] == [{"company": "Acme"}, {"company": "Hooli"}]

    def test_what_was_missed_is_listed_and_by_choice_caught_up_once(self, cast: Cast, crew: Crew) -> None:
        listed = hourly(cast.runner, crew)
        caught = hourly(cast.runner, crew, catch_up=True)
        look(TEN + 3 * HOUR + timedelta(minutes=20))
        missed = [("10:00", "missed"), ("11:00", "missed"), ("12:00", "missed")]
        assert became(listed) == [*missed, ("13:00", "missed")]
        assert became(caught) == [*missed, ("13:00", "launched")]
        assert {time.says for time in listed.times.all()} == {MISSED}
        last = caught.times.get(outcome="launched")
        assert last.says == "Launched 20 minutes late, and for 3 times before that were missed."
        assert "The launch of Tue 10 Mar 2026, 13:00 +00:00 stands for it." in caught.times.earliest("due_at").says
        assert Run.objects.count() == 1
        for schedule in (listed, caught):
            schedule.refresh_from_db()
            assert schedule.next_at == TEN + 4 * HOUR

    def test_of_very_many_missed_ones_the_newest_are_listed(self, cast: Cast, crew: Crew) -> None:
        schedule = hourly(cast.runner, crew, next_at=TEN - timedelta(days=900))
        look(TEN)
        assert became(schedule)[-1] == ("10:00", "launched")
        assert schedule.times.count() == due.MOST_LISTED
        assert schedule.times.filter(earlier=True).get() == schedule.times.earliest("due_at")

    def test_a_clock_that_is_set_back_brings_no_time_twice(self, cast: Cast, crew: Crew) -> None:
        schedule = hourly(cast.runner, crew)
        look(TEN)
        Schedule.objects.update(next_at=TEN)
        end(Run.objects.get())
        look(TEN + SECOND)
        assert became(schedule) == [("10:00", "launched")]

    def test_the_last_of_its_times_turns_it_off(self, cast: Cast, crew: Crew, monkeypatch: pytest.MonkeyPatch) -> None:
        schedule = hourly(cast.runner, crew, cron="0 10 10 3 *")
        Schedule.objects.update(next_at=datetime(9998, 3, 10, 10, tzinfo=UTC))
        look(datetime(9999, 12, 1, tzinfo=UTC))
        assert off(schedule) == "never"


@pytest.mark.django_db
class TestOverlap:
    def test_a_time_is_left_out_while_the_launch_before_is_under_way(self, cast: Cast, crew: Crew) -> None:
        schedule = hourly(cast.runner, crew)
        look(TEN)
        look(TEN + HOUR)
        assert became(schedule) == [("10:00", "launched"), ("11:00", "skipped")]
        assert schedule.times.latest("pk").says == STILL_UNDER_WAY
        end(Run.objects.get(), RunState.FAILED)
        look(TEN + 2 * HOUR)
        assert became(schedule)[-1] == ("12:00", "launched")

    def test_or_waits_for_its_end_one_at_a_time(self, cast: Cast, crew: Crew) -> None:
        schedule = hourly(cast.runner, crew, overlap="queue")
        look(TEN)
        look(TEN + HOUR)
        look(TEN + 2 * HOUR)
        assert became(schedule) == [("10:00", "launched"), ("11:00", "waiting"), ("12:00", "skipped")]
        assert schedule.times.latest("pk").says == ANOTHER_WAITS
        assert look(TEN + 2 * HOUR + SECOND) == 0
        end(Run.objects.get())
        assert look(TEN + 2 * HOUR + SECOND) == 1
        assert became(schedule)[1] == ("11:00", "launched")
        assert Run.objects.count() == 2
        look(TEN + 3 * HOUR)
        pause(cast.runner, schedule)
        assert became(schedule)[-1] == ("13:00", "skipped")
        assert schedule.times.latest("pk").says == WENT_OFF

    def test_a_batch_that_is_paused_is_under_way_and_so_is_what_was_launched_by_hand(
        self, cast: Cast, crew: Crew
    ) -> None:
        schedule = hourly(cast.runner, crew, data_set=make_data_set(cast.runner, "a", of_json([{"company": "A"}])))
        asked = run_now(cast.editor, schedule)
        assert asked.batch is not None
        assert asked.batch.created_by == cast.editor.user
        Batch.objects.update(state="paused", paused_for="person")
        look(TEN)
        assert became(schedule)[0] == ("10:00", "skipped")
        Batch.objects.update(state="cancelled", paused_for="")
        look(TEN + HOUR)
        assert became(schedule)[1] == ("11:00", "launched")


@pytest.mark.django_db
class TestRefused:
    def test_a_quota_refuses_it_and_its_owner_is_told_once_in_a_row(self, cast: Cast, crew: Crew) -> None:
        schedule = hourly(cast.runner, crew)
        Team.objects.filter(pk=cast.team.pk).update(launch_quota=0)
        look(TEN)
        look(TEN + HOUR)
        assert became(schedule) == [("10:00", "refused"), ("11:00", "refused")]
        assert "Your team lets each member launch 0" in schedule.times.latest("pk").says
        (told,) = inboxes.inbox(cast.runner)
        assert told.what.startswith("The schedule Hourly launched nothing at 2026-03-10 10:00 UTC. ")
        assert told.address == f"/t/acme/schedules/{schedule.pk}/"
        assert inboxes.inbox(cast.owner) == []
        Team.objects.filter(pk=cast.team.pk).update(launch_quota=None)
        look(TEN + 2 * HOUR)
        assert became(schedule)[-1] == ("12:00", "launched")

    def test_rows_that_no_longer_fit_are_named_and_the_schedule_goes_on(self, cast: Cast, crew: Crew) -> None:
        kept = make_data_set(cast.runner, "leads", of_json([{"company": "Acme"}]))
        schedule = hourly(cast.runner, crew, data_set=kept)
        add_rows(cast.runner, kept, of_json([{"town": "Oslo"}]))
        look(TEN)
        time = schedule.times.get()
        assert (time.outcome, "inputs.1.company: It is empty." in time.says) == ("refused", True)
        assert (off(schedule), Batch.objects.count()) == ("", 0)

    def test_one_that_the_database_refuses_keeps_no_other_from_its_time(self, cast: Cast, crew: Crew) -> None:
        refused = hourly(cast.runner, crew, name="Refused", next_at=TEN - HOUR)
        other = hourly(cast.runner, crew, name="Other")
        with connection.cursor() as cursor:
            cursor.execute(
                "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS "
                "$$ BEGIN RAISE EXCEPTION 'out of range' USING ERRCODE = '22003'; END $$; "
                "CREATE TRIGGER refuse BEFORE INSERT ON runs_scheduletime FOR EACH ROW "
                f"WHEN (new.schedule_id = '{refused.pk}') EXECUTE FUNCTION refuse()"
            )
        look(TEN + SECOND)
        assert (became(refused), became(other)) == ([], [("10:00", "launched")])
        refused.refresh_from_db()
        assert refused.next_at == TEN - HOUR

    def test_a_bug_keeps_no_schedule_from_its_next_times(
        self, cast: Cast, crew: Crew, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        schedule, other = hourly(cast.runner, crew), hourly(cast.runner, crew)

        def broken(who: Any, one: Schedule, *rest: Any) -> Run:
            raise RuntimeError if one.pk == schedule.pk else Conflict("Full.")

        monkeypatch.setattr(due, "launch_now", broken)
        look(TEN)
        assert became(schedule) == became(other) == [("10:00", "refused")]
        assert "fault of Crewsite's own" in schedule.times.get().says


@pytest.mark.django_db
class TestOff:
    def test_it_goes_off_with_its_owner_and_on_with_another(self, cast: Cast, crew: Crew) -> None:
        gone, lesser, inactive = hourly(cast.runner, crew), hourly(cast.editor, crew), hourly(cast.owner, crew)
        Membership.objects.filter(user=cast.runner.user).delete()
        Membership.objects.filter(user=cast.editor.user).update(role=Role.VIEWER)
        assert look(TEN - HOUR) == 2  # at once, and not at its next time
        cast.owner.user.is_active = False
        cast.owner.user.save()
        assert look(TEN - HOUR) == 1
        assert [off(one) for one in (gone, lesser, inactive)] == ["left"] * 3
        assert not Run.objects.exists()
        assert became(gone) == [("09:00", "off")]
        (told,) = inboxes.inbox(cast.editor)
        assert told.what.startswith("The schedule Hourly is off. Whoever it belongs to may no longer launch")
        assert [one.what[:24] for one in inboxes.inbox(cast.owner)] == ["The schedule Hourly is o"] * 2
        with pytest.raises(Conflict):
            pause(cast.owner, gone)
        other = Membership.objects.create(team=cast.team, user=cast.stranger.user, role=Role.RUNNER)
        resume(type(cast.runner)(other.user, cast.team, Role.RUNNER), gone)
        Schedule.objects.filter(pk=gone.pk).update(next_at=TEN)
        look(TEN)
        assert Run.objects.get().created_by == other.user

    def test_it_goes_off_with_the_token_that_set_it(self, cast: Cast, crew: Crew) -> None:
        schedule = hourly(cast.runner, crew)
        token, _ = issue_token(cast.runner, name="CI", scope=Scope.RUN)
        Schedule.objects.update(api_token=token)
        look(TEN)
        assert Run.objects.get().api_token == token
        revoke_token(cast.runner, token)
        look(TEN + SECOND)
        assert off(schedule) == "left"

    def test_it_goes_off_with_its_crew_or_its_data_set(self, cast: Cast, crew: Crew) -> None:
        kept = make_data_set(cast.runner, "leads", of_json([{"company": "Acme"}]))
        of_set, of_crew = hourly(cast.runner, crew, data_set=kept), hourly(cast.runner, crew)
        change(cast.runner, kept, archived=True)
        look(TEN - HOUR)
        assert [off(of_set), off(of_crew)] == ["archived", ""]
        archive_crew(maker_of(crew), crew)
        look(TEN - HOUR)
        assert off(of_crew) == "archived"
        with pytest.raises(Conflict, match="archived"):
            resume(cast.runner, of_crew)
        with pytest.raises(Conflict, match="archived"):
            run_now(cast.runner, of_crew)

    def test_times_that_come_while_it_is_off_are_none(self, cast: Cast, crew: Crew) -> None:
        schedule = hourly(cast.runner, crew)
        pause(cast.runner, schedule)
        look(TEN + 3 * HOUR)
        resumed = resume(cast.runner, schedule)
        assert resumed.next_at is not None
        assert resumed.next_at > timezone.now()
        assert became(schedule) == []


@pytest.mark.django_db(transaction=True)
class TestManyAtOnce:
    def test_sweepers_that_race_launch_each_time_once(self, cast: Cast, crew: Crew) -> None:
        schedules = [hourly(cast.runner, crew) for _ in range(4)]
        barrier = Barrier(4)

        def sweep(number: int) -> None:
            try:
                for hours in range(3):
                    barrier.wait(timeout=30)
                    look(TEN + hours * HOUR)
                    barrier.wait(timeout=30)
                    if number == 0:
                        for run in Run.objects.filter(state="queued"):
                            end(run)
            finally:
                connection.close()

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(sweep, range(4)))
        look(TEN + 2 * HOUR)
        for schedule in schedules:
            assert became(schedule) == [(clock, "launched") for clock in ("10:00", "11:00", "12:00")]
        assert Run.objects.count() == 12

    def test_one_that_dies_in_between_loses_no_time_and_the_next_launches_it_once(
        self, cast: Cast, crew: Crew, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        schedule = hourly(cast.runner, crew)
        queue = new_runs.queue

        class Killed(BaseException):
            """As a process that ends: nothing of ours catches it."""

        def dies(*arguments: Any) -> None:
            queue(*arguments)
            raise Killed

        monkeypatch.setattr(new_runs, "queue", dies)
        with pytest.raises(Killed):
            attend(schedule.pk, TEN)
        assert (Run.objects.count(), became(schedule)) == (0, [])
        monkeypatch.setattr(new_runs, "queue", queue)
        look(TEN + timedelta(minutes=1))
        assert (Run.objects.count(), became(schedule)) == (1, [("10:00", "launched")])

    def test_sweepers_do_it(self, cast: Cast, crew: Crew) -> None:
        schedule = hourly(cast.runner, crew, cron="* * * * *", next_at=timezone.now().replace(second=0, microsecond=0))
        duties.do_all()
        assert became(schedule)[-1][1] == "launched"
        assert Run.objects.count() == 1
