"""Money and people under load: a budget is never passed, a price that changes touches nothing that was asked before,
and a cancelled run pays for what it asked and for nothing more.
"""

from __future__ import annotations

from decimal import Decimal

import pytest

from tests.faults.crews import MODEL, chain, crew, task
from tests.faults.honest import assert_honest
from tests.faults.people import ENDED, Run, Team
from tests.faults.processes import until
from tests.faults.world import World

COVERED = 7
STOPPED = (*ENDED, "waiting")


def worst_case_nusd(team: Team) -> int:
    """What is reserved for one call of these tests."""
    probe = team.launch(crew(task("t00")))
    assert_honest([probe])
    (reserved,) = probe.calls("reserved_nusd")
    return int(reserved)


def in_usd(nusd: int) -> str:
    return f"{Decimal(nusd) / 10**9:f}"


def test_50_calls_of_one_run_that_race_for_a_budget_of_7_stay_within_it(world: World) -> None:
    world.shared_worker()
    team = world.team()
    budget = COVERED * worst_case_nusd(team)
    world.script(latency_s=0.15)
    tasks = (task(f"t{number:02}") for number in range(50))
    run = team.launch(crew(*tasks), budget_usd=in_usd(budget))
    assert_honest([run], states=STOPPED)
    assert 1 <= world.seen()["most_in_flight"] <= budget // min(run.calls("reserved_nusd"))
    assert run.get("spent_nusd") <= budget


def test_50_runs_on_two_workers_that_race_for_a_teams_budget_of_7_stay_within_it(world: World) -> None:
    world.shared_worker()
    world.worker()
    team = world.team()
    worst = worst_case_nusd(team)
    before = spent_by(team)
    left = COVERED * worst
    budget = before + left
    world.execute("UPDATE teams_team SET budget_nusd = %s WHERE id = %s", budget, team.id)
    world.execute("UPDATE runs_bill SET budget_nusd = %s WHERE team_id = %s", budget, team.id)
    world.script(latency_s=0.3)
    runs = team.launch_many(crew(task("t00")), 50)
    assert_honest(runs, states=STOPPED)
    least = min(reserved for run in runs for reserved in run.calls("reserved_nusd"))
    assert 1 <= world.seen()["most_in_flight"] <= left // least
    assert before < spent_by(team) <= budget
    world.stop_workers()


def spent_by(team: Team) -> int:
    ((spent,),) = team.world.rows("SELECT sum(spent_nusd) FROM runs_bill WHERE team_id = %s", team.id)
    return int(spent)


def test_a_price_that_is_edited_in_mid_run_touches_no_call_that_was_asked_before(world: World) -> None:
    world.shared_worker()
    world.script({"has": "/b>>", "hold": True, "times": 1})
    team = world.team()
    run = team.launch(chain("a", "b", "c"))
    run.wait_until_asked("b")
    columns = "team_id, model, input_usd_per_mtok, output_usd_per_mtok, source"
    world.execute(f"INSERT INTO runs_pricequote ({columns}) VALUES (%s, %s, 15, 60, '')", team.id, MODEL)
    world.release()
    assert_honest([run])
    later = team.launch(chain("a"))
    assert_honest([later])
    assert run.calls("input_usd_per_mtok")[:2] == [Decimal("0.15")] * 2
    assert later.calls("input_usd_per_mtok, output_usd_per_mtok") == [(Decimal(15), Decimal(60))]


def test_a_queued_run_is_cancelled_at_once_and_costs_nothing(world: World) -> None:
    world.stop_workers()
    team = world.team()
    run = team.launch(chain("a"))
    assert cancel(team, run) == 200
    assert (run.state, run.get("spent_nusd")) == ("cancelled", 0)
    world.worker()
    assert_honest([run])
    assert run.billed == []


def test_a_run_that_is_cancelled_during_a_call_ends_soon_and_books_the_call(world: World) -> None:
    world.shared_worker()
    world.script({"has": "/b>>", "hold": True, "times": 1})
    team = world.team()
    run = team.launch(chain("a", "b", "c"))
    run.wait_until_asked("b")
    assert cancel(team, run) == 200
    assert_honest([run], timeout_s=20)
    world.release()
    assert (run.state, run.calls()) == ("cancelled", ["ok", "unknown"])
    assert run.tasks() == {"a": "succeeded", "b": "cancelled", "c": "cancelled"}


def test_a_run_that_waits_for_a_person_is_cancelled_at_once(world: World) -> None:
    world.shared_worker()
    team = world.team()
    run = team.launch(crew(task("a", human_input=True)))
    assert_honest([run], states=("waiting",))
    assert cancel(team, run) == 200
    assert_honest([run])
    assert (run.state, run.calls()) == ("cancelled", ["ok"])


def test_a_run_that_ended_is_not_cancelled(world: World) -> None:
    world.shared_worker()
    team = world.team()
    run = team.launch(chain("a"))
    assert_honest([run])
    assert cancel(team, run) == 409
    assert run.state == "succeeded"


@pytest.mark.slow_fault
def test_runs_cancelled_at_any_moment_pay_for_what_they_asked(world: World) -> None:
    world.shared_worker()
    world.worker()
    world.script(latency_s=0.3)
    team = world.team()
    runs = team.launch_many(chain("a", "b", "c"), 30)
    for number, run in enumerate(runs):
        until(lambda number=number: len(world.billed()) > number, timeout_s=30, what="no calls")
        cancel(team, run)
    assert_honest(runs)
    assert {run.state for run in runs} <= {"cancelled", "succeeded"}


def cancel(team: Team, run: Run) -> int:
    return team.ask("POST", f"/runs/{run.id}/cancel").status_code
