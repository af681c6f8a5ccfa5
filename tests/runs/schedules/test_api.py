"""Schedules by the API: their terms, what is wrong at its field, revisions, rights, and what became of their times."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.db import transaction
from django.http import Http404

from agents_app.models import Crew
from runs.models import Batch, Run, Schedule
from runs.schedules.actions import change_schedule, pause, remove
from runs.schedules.due import look
from runs.schedules.queries import locked_revision
from teams.models import AuditEntry
from tests.cast import Cast, make_crew
from tests.pages import signed_in
from tests.runs.batches.made import end
from tests.runs.schedules.made import HOUR, TEN, hourly, order
from tests.runs.workers import blocked, in_thread
from tests.teams.api.test_if_match import Api

pytestmark = pytest.mark.django_db
PATIENCE_S = 60

TERMS: dict[str, Any] = {
    "name": "Leads",
    "crew": "company-brief",
    "cron": "30  8 * * 1-5",
    "time_zone": "Europe/Berlin",
    "inputs": {"company": "Acme"},
    "simulated": True,
}


HOURLY = {"cron": "0 * * * *", "time_zone": "UTC"}


@pytest.fixture
def api(cast: Cast) -> Api:
    return Api(cast)


def wrong(answer: Any) -> set[str]:
    assert answer.status_code == 422, answer.content
    return set(answer.json()["error"]["fields"])


def test_it_is_made_read_changed_and_turned_off_and_on(api: Api, cast: Cast, crew: Crew) -> None:
    made = api.ask("POST", "/schedules", TERMS | {"budget_usd": "0.5"}, key="one")
    assert made.status_code == 201, made.content
    said = made.json()
    assert api.ask("POST", "/schedules", TERMS | {"budget_usd": "0.5"}, key="one").json()["id"] == said["id"]
    assert (said["cron"], said["on"], said["off_for"], said["version"], said["budget_usd"]) == (
        "30 8 * * 1-5",
        True,
        None,
        None,
        "0.5",
    )
    assert len(said["next"]) == 5
    assert (said["owner"], said["last"], said["dataset"]) == (str(cast.owner.user), None, None)
    path = f"/schedules/{said['id']}"
    read = api.ask("GET", path)
    assert (read["ETag"], read.json()["times"], read.json()["times_next"]) == ('"1"', [], None)
    changed = api.ask("PATCH", path, {"cron": "0 9 * * *", "budget_usd": None, "overlap": "queue"}, match='"1"')
    assert (changed.status_code, changed["ETag"]) == (200, '"2"')
    assert changed.json() | {"next": []} == said | {
        "next": [],
        "cron": "0 9 * * *",
        "budget_usd": None,
        "overlap": "queue",
        "revision": 2,
    }
    assert api.ask("PATCH", path, {"name": "x"}, match='"1"').status_code == 412
    assert api.ask("DELETE", path, match='"1"').status_code == 412
    off = api.ask("POST", f"{path}/pause")
    assert (off.json()["on"], off.json()["off_for"], off.json()["next"]) == (False, "person", [])
    assert api.ask("POST", f"{path}/pause").status_code == 409
    assert api.ask("POST", f"{path}/resume", match=off["ETag"]).json()["on"]
    assert api.ask("POST", f"{path}/resume").status_code == 409


def test_it_is_launched_by_hand_and_removed(api: Api, cast: Cast, crew: Crew) -> None:
    path = f"/schedules/{api.ask('POST', '/schedules', TERMS).json()['id']}"
    launched = api.ask("POST", f"{path}/run-now", key="two")
    assert launched.status_code == 202, launched.content
    assert api.ask("POST", f"{path}/run-now", key="two").json() == launched.json()
    run = Run.objects.get()
    assert (launched.json()["run"], launched.json()["outcome"], run.api_token) == (str(run.pk), "asked", api.token)
    assert api.ask("GET", path).json()["times"] == [launched.json()]
    assert api.ask("DELETE", path).status_code == 204
    assert api.ask("GET", path).status_code == 404
    assert Run.objects.exists()
    actions = AuditEntry.objects.filter(action__startswith="schedule.").order_by("pk").values_list("action", flat=True)
    assert [name.removeprefix("schedule.") for name in actions] == [*("made", "launched", "removed")]


def test_everything_that_is_wrong_is_named_at_its_field(api: Api, cast: Cast, crew: Crew) -> None:
    never = api.ask("POST", "/schedules", TERMS | {"cron": "0 0 30 2 *", "time_zone": "Mars/Base", "name": " "})
    assert wrong(never) == {"cron", "time_zone", "name"}
    assert never.json()["error"]["fields"]["cron"].startswith("This never comes")
    assert wrong(api.ask("POST", "/schedules", TERMS | {"inputs": {}})) == {"inputs.company"}
    assert wrong(api.ask("POST", "/schedules", TERMS | {"batch_budget_usd": "1"})) == {"batch_budget_usd"}
    without = api.ask("POST", "/schedules", TERMS | {"dataset": "none"})
    assert (wrong(without), without.json()["error"]["message"]) == ({"dataset"}, "The schedule was not saved.")
    for field, value in {"overlap": "both", "max_concurrency": 0, "catch_up": "yes", "surprise": 1}.items():
        assert field in "".join(wrong(api.ask("POST", "/schedules", TERMS | {field: value})))
    api.ask("POST", "/datasets", {"name": "leads", "inputs": [{"company": "Acme"}, {"town": "Oslo"}]})
    of_set = TERMS | {"dataset": "leads"}
    refused = api.ask("POST", "/schedules", of_set)
    assert refused.json()["error"]["fields"] == {"dataset": "Row 2: It is empty."}
    assert wrong(
        api.ask("POST", "/schedules", of_set | {"dataset": "leads@1", "batch_budget_usd": "1", "budget_usd": "2"})
    ) == {
        "dataset",
        "batch_budget_usd",
    }
    for budget in ("0", "0.0000000001"):
        assert wrong(api.ask("POST", "/schedules", of_set | {"batch_budget_usd": budget})) == {
            "dataset",
            "batch_budget_usd",
        }
    assert api.ask("POST", "/schedules", TERMS | {"crew": "none"}).status_code == 404
    assert api.ask("POST", "/schedules", TERMS | {"version": 9}).status_code == 404
    assert not Schedule.objects.exists()
    made = api.ask("POST", "/schedules", TERMS).json()
    path = f"/schedules/{made['id']}"
    assert wrong(api.ask("PATCH", path, {"cron": None})) == {"cron"}
    assert wrong(api.ask("PATCH", path, {"cron": "x"})) == {"cron"}
    assert api.ask("GET", path).json()["revision"] == 1


def test_a_real_launch_needs_keys_and_bounds_as_any_other(api: Api, cast: Cast, crew: Crew) -> None:
    refused = api.ask("POST", "/schedules", TERMS | {"simulated": False})
    assert any("agents" in field for field in wrong(refused))
    cast.team.run_budget_nusd = 10**9
    cast.team.save()
    assert wrong(api.ask("POST", "/schedules", TERMS | {"budget_usd": 2})) == {"budget_usd"}
    assert Schedule.objects.count() == 0
    bounds = {"budget_usd": "0.25", "max_calls": 7, "metadata": {"a": "b"}}
    made = api.ask("POST", "/schedules", TERMS | HOURLY | bounds).json()
    Schedule.objects.filter(pk=made["id"]).update(next_at=TEN)
    look(TEN)
    run = Run.objects.get()
    assert (run.budget_nusd, run.max_calls, run.metadata) == (Decimal("0.25") * 10**9, 7, {"a": "b"})


def test_whoever_changes_it_or_turns_it_on_owns_it(api: Api, cast: Cast, crew: Crew) -> None:
    schedule = hourly(cast.runner, crew)
    path = f"/schedules/{schedule.pk}"
    assert api.ask("GET", path).json()["owner"] == str(cast.runner.user)
    assert api.ask("PATCH", path, {"inputs": {"company": "Hooli"}}).json()["owner"] == str(cast.owner.user)
    Schedule.objects.update(next_at=TEN, owner=cast.runner.user, api_token=None)
    api.ask("POST", f"{path}/pause")
    assert api.ask("GET", path).json()["owner"] == str(cast.runner.user)
    api.ask("POST", f"{path}/resume")
    Schedule.objects.update(next_at=TEN)
    look(TEN)
    assert (Run.objects.get().created_by, Run.objects.get().api_token) == (cast.owner.user, api.token)


def test_what_became_of_its_times_comes_in_pages(api: Api, cast: Cast, crew: Crew) -> None:
    schedule = hourly(cast.runner, crew)
    for hours in range(3):
        look(TEN + hours * HOUR)
        end(Run.objects.latest("pk"))
    path = f"/schedules/{schedule.pk}"
    first = api.ask("GET", f"{path}?limit=2").json()
    assert [time["due_at"][11:16] for time in first["times"]] == ["12:00", "11:00"]
    assert first["last"] == first["times"][0]
    second = api.ask("GET", f"{path}?limit=2&cursor={first['times_next']}").json()
    assert ([time["due_at"][11:16] for time in second["times"]], second["times_next"]) == (["10:00"], None)
    assert api.ask("GET", f"{path}?cursor=x").status_code == 422
    listed = api.ask("GET", "/schedules").json()
    assert [one["id"] for one in listed["items"]] == [str(schedule.pk)]
    assert listed["next"] is None


def test_another_team_finds_nothing(api: Api, cast: Cast) -> None:
    theirs = hourly(cast.stranger, make_crew(cast.stranger))
    for method, path in (("GET", ""), ("PATCH", ""), ("DELETE", ""), ("POST", "/pause"), ("POST", "/run-now")):
        body = {} if method == "PATCH" else None
        assert api.ask(method, f"/schedules/{theirs.pk}{path}", body).status_code == 404
    assert api.ask("GET", "/schedules").json()["items"] == []
    assert signed_in(cast.owner).get(f"/t/acme/schedules/{theirs.pk}/").status_code == 404
    assert not Batch.objects.exists()


def test_one_that_somebody_has_removed_meanwhile_is_not_there(cast: Cast, crew: Crew) -> None:
    schedule = hourly(cast.owner, crew)
    stale = Schedule.objects.get(pk=schedule.pk)
    remove(cast.owner, schedule)
    for act in (lambda: remove(cast.owner, stale), lambda: pause(cast.owner, stale), lambda: locked_revision(stale)):
        with pytest.raises(Http404):
            act()


@pytest.mark.django_db(transaction=True)
def test_what_is_not_named_stays_as_whoever_was_first_has_set_it(api: Api, cast: Cast, crew: Crew) -> None:
    schedule = hourly(cast.owner, crew)
    answers: list[Any] = []
    with transaction.atomic():
        change_schedule(cast.owner, schedule, order(crew, cron="0 9 * * *"))
        renaming = in_thread(lambda: answers.append(api.ask("PATCH", f"/schedules/{schedule.pk}", {"name": "Other"})))
        blocked()
    renaming.join(timeout=PATIENCE_S)
    assert (answers[0].status_code, answers[0].json()["name"], answers[0].json()["cron"]) == (200, "Other", "0 9 * * *")


def test_the_next_times_of_an_expression_before_it_is_kept(cast: Cast, crew: Crew) -> None:
    api = Api(cast)
    found = api.ask("GET", "/schedules/times?cron=30+8+*+*+1-5&time_zone=Europe/Berlin").json()
    kept = api.ask("POST", "/schedules", TERMS).json()
    assert found["next"] == kept["next"]
    assert len(found["in_words"]) == len(found["next"]) == 5
    wrong = api.ask("GET", "/schedules/times?cron=30+8&time_zone=Mars").json()
    assert wrong["error"]["fields"].keys() == {"cron", "time_zone"}
