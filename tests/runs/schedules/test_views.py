"""Pages of schedules: the form with its next times, the list, one with what became of its times."""

from __future__ import annotations

import re
from typing import Any

import pytest

from agents_app.models import Crew
from runs.data_sets.actions import make_data_set
from runs.data_sets.rows import of_json
from runs.models import Batch, Run, Schedule
from runs.schedules.due import look
from teams.models import Team
from tests.cast import Cast
from tests.pages import CREW, HOSTILE, LAUNCH, html, signed_in
from tests.runs.schedules.made import HOUR, TEN, hourly

pytestmark = pytest.mark.django_db

SCHEDULES = "/t/acme/schedules/"
FORM = f"{LAUNCH}schedule/"


def typed(**more: Any) -> dict[str, Any]:
    usual = {"name": "Leads", "cron": "30 8 * * 1-5", "time_zone": "Europe/Berlin", "inputs.company": "Acme"}
    return usual | {"simulated": "yes", "priority": "normal", "overlap": "skip"} | more


def test_the_next_times_are_shown_as_they_are_typed(cast: Cast) -> None:
    client = signed_in(cast.viewer)
    path = f"{SCHEDULES}times/"
    shown = html(client.get(path, {"cron": "0 12 29 2 *", "time_zone": "Europe/Berlin"}))
    assert shown.count("<li") == 5
    assert "29 Feb 2028, 12:00 +01:00" in shown
    assert "This never comes" in html(client.get(path, {"cron": "0 0 30 2 *", "time_zone": "UTC"}))
    assert "Name a time zone" in html(client.get(path, {"cron": "0 0 * * *", "time_zone": HOSTILE}))
    half = html(client.get(path, {"cron": "0 0 <b>", "time_zone": "UTC"}))
    assert "Give five parts" in half
    assert "as you type" in html(client.get(path))


def test_a_schedule_is_set_changed_turned_off_and_removed(cast: Cast, crew: Crew) -> None:
    client = signed_in(cast.runner)
    assert f'href="{FORM}"' in html(client.get(LAUNCH))
    assert 'hx-get="/t/acme/schedules/times/"' in html(client.get(FORM))
    made = client.post(FORM, typed(catch_up="on", budget_usd="0.5", max_calls="9"))
    schedule = Schedule.objects.get()
    here = f"{SCHEDULES}{schedule.pk}/"
    assert made["Location"] == here
    assert (schedule.owner, schedule.catch_up, schedule.run_budget_nusd) == (cast.runner.user, True, 5 * 10**8)
    assert (schedule.inputs, schedule.max_calls, schedule.simulated) == ({"company": "Acme"}, 9, True)
    form = html(client.get(f"{here}edit/"))
    for value in ("30 8 * * 1-5", "Europe/Berlin", "Acme", "0.5"):
        assert value in form
    kept = make_data_set(cast.runner, "leads", of_json([{"company": "Acme"}]))
    changed = client.post(f"{here}edit/", typed(data_set="leads@1", overlap="queue", version="1"))
    assert changed["Location"] == here
    schedule.refresh_from_db()
    assert (schedule.data_set, str(schedule.data_set_version), schedule.inputs) == (kept, "leads@1", {})
    assert (schedule.version, schedule.overlap, schedule.revision) == (crew.versions.get(), "queue", 2)
    for do, says in (("pause", "Somebody turned it off."), ("pause", "This schedule is off."), ("resume", "+01:00")):
        assert says in html(client.post(f"{here}change/", {"do": do}, follow=True))
    page = html(client.post(f"{here}change/", {"do": "run"}, follow=True))
    assert f"/t/acme/batches/{Batch.objects.get().pk}/" in page
    assert f"By {cast.runner.user}." in page
    assert "It was launched meanwhile" in html(client.post(f"{here}change/", {"do": "run", "after": ""}, follow=True))
    assert Batch.objects.count() == 1  # the same form once more
    client.post(f"{here}change/", {"do": "run", "after": re.search(r'name="after" value="([^"]+)"', page)[1]})
    assert Batch.objects.count() == 2
    assert client.post(f"{here}change/", {"do": "odd"}).status_code == 404
    assert client.get(f"{here}change/").status_code == 302
    assert client.post(f"{here}change/", {"do": "remove"})["Location"] == SCHEDULES
    assert not Schedule.objects.exists()


def test_what_is_wrong_stands_at_its_field_and_nothing_typed_is_lost(cast: Cast, crew: Crew) -> None:
    client = signed_in(cast.runner)
    refused = client.post(FORM, typed(cron="0 0 30 2 *", time_zone="Mars", **{"inputs.company": "Kept words"}))
    page = html(refused)
    assert refused.status_code == 422
    errors = refused.context["form"].errors
    assert set(errors) == {"cron", "time_zone"}
    assert errors["cron"][0].startswith("This never comes")
    for value in ("0 0 30 2 *", "Mars", "Kept words"):
        assert value in page
    missing = client.post(FORM, typed(data_set="nothing"))
    assert set(missing.context["form"].errors) == {"data_set"}
    assert set(client.post(FORM, typed(**{"inputs.company": ""})).context["form"].errors) == {"inputs.company"}
    # What is marked as needed keeps a browser from sending a data set alone.
    assert not client.get(FORM).context["form"]["inputs.company"].field.required
    make_data_set(cast.runner, "towns", of_json([{"town": "Oslo", "land": "Norway"}]))
    unfit = client.post(FORM, typed(data_set="towns"))
    assert set(unfit.context["form"].errors) == {"data_set"}
    assert not Schedule.objects.exists()
    assert signed_in(cast.viewer).get(FORM).status_code == 403


def test_lists_and_pages_say_what_became_of_times(cast: Cast, crew: Crew) -> None:
    schedule = hourly(cast.runner, crew, name=HOSTILE[:100])
    look(TEN)
    Team.objects.filter(pk=cast.team.pk).update(launch_quota=0)
    Run.objects.update(state="succeeded", finished_at=TEN)
    look(TEN + 4 * HOUR)
    client = signed_in(cast.viewer)
    page = html(client.get(f"{SCHEDULES}{schedule.pk}/"))
    for said in (f"/t/acme/runs/{Run.objects.get().pk}/", "missed", "No worker was at work at that time.", "refused"):
        assert said in page
    assert "<script>alert" not in page
    assert "Launch now" not in page
    listed = html(client.get(SCHEDULES))
    assert "<script>alert" not in listed
    assert "refused" in listed
    assert "Tue 10 Mar 2026, 15:00 +00:00" not in listed  # the next are reckoned from now
    assert client.get(f"{SCHEDULES}?cursor=x").status_code == 422
    assert client.get(f"{SCHEDULES}{schedule.pk}/?cursor=x").status_code == 302
    assert signed_in(cast.viewer).post(f"{SCHEDULES}{schedule.pk}/change/", {"do": "run"}).status_code == 403
    inbox = signed_in(cast.runner).get("/t/acme/inbox/")
    assert "launched nothing at 2026-03-10 14:00 UTC" in html(inbox)
    assert SCHEDULES in html(client.get("/t/acme/runs/"))
    assert f"{CREW}launch/schedule/" in html(signed_in(cast.runner).get(LAUNCH))
