"""Which columns of a schedule's set fill its crew's inputs: chosen, shown, and what no longer fits, named and kept."""

from __future__ import annotations

import json
from unicodedata import normalize

import pytest

from agents_app.actions import cut_version
from agents_app.models import Crew, CrewVersion
from agents_app.snapshot import spec_of
from runs.batches.kept_inputs import table_of
from runs.batches.page import rows_preview
from runs.data_sets.actions import add_rows, add_version, make_data_set
from runs.data_sets.rows import of_json
from runs.models import Batch, Schedule
from runs.schedules.due import look
from runs.schedules.page import columns_part
from tests.cast import Cast, maker_of
from tests.pages import LAUNCH, html, signed_in
from tests.runs.batches.made import end, fed
from tests.runs.batches.matched.test_matched_rows import crew_of
from tests.runs.schedules.made import HOUR, TEN, became, hourly
from tests.runs.schedules.test_api import TERMS, wrong
from tests.runs.schedules.test_views import FORM, SCHEDULES, typed
from tests.teams.api.test_if_match import Api

pytestmark = pytest.mark.django_db
PART = f"{LAUNCH}schedule/columns/"


@pytest.fixture
def api(cast: Cast) -> Api:
    return Api(cast)


def test_the_page_proposes_them_and_keeps_what_is_chosen(cast: Cast, crew: Crew) -> None:
    client = signed_in(cast.runner)
    make_data_set(cast.runner, "firms", of_json([{"Company": "Acme", "Buyer": "Hooli"}]))
    make_data_set(cast.runner, "towns", of_json([{"town": "Oslo", "land": "Norway"}]))
    assert f'hx-get="{PART}"' in html(client.get(FORM))
    part = client.get(PART, {"data_set": "firms"})
    assert '<option value="Company" selected>' in html(part)
    assert part.context["part"].unused == ["Buyer"]
    chosen = {"data_set": "firms", "columns_of": "firms", "columns.company": "Buyer"}
    assert '<option value="Buyer" selected>' in html(client.get(PART, chosen))
    other = client.get(PART, chosen | {"data_set": "towns"})  # what was chosen of another set counts for nothing
    assert "No column of towns@1 fills the crew’s company" in html(other)
    assert "There is no data set none" in html(client.get(PART, {"data_set": "none"}))
    assert signed_in(cast.viewer).get(PART).status_code == 403
    made = client.post(FORM, typed(**chosen))
    schedule = Schedule.objects.get()
    assert (made.status_code, schedule.columns) == (302, {"company": "Buyer"})
    page = html(client.get(made["Location"]))
    assert "of the column <code>Buyer</code>" in page
    assert "would be refused" not in page
    assert '<option value="Buyer" selected>' in html(client.get(f"{made['Location']}edit/"))
    towns = typed(cron="0 * * * *", time_zone="UTC", data_set="towns", columns_of="towns", **{"columns.company": ""})
    refused = client.post(f"{made['Location']}edit/", towns)
    assert set(refused.context["form"].errors) == {"data_set"}
    assert "columns.company" in html(refused)
    towns["columns.company"] = "land"
    assert client.post(f"{made['Location']}edit/", towns).status_code == 302
    Schedule.objects.update(next_at=TEN)
    look(TEN)
    assert [run.inputs for run in fed(Batch.objects.get())] == [{"company": "Norway"}]


def test_the_api_takes_them_and_names_what_does_not_fit(api: Api, cast: Cast, crew: Crew) -> None:
    make_data_set(cast.runner, "leads", of_json([{"Company": "Acme", "Buyer": "Hooli"}]))
    of_set = TERMS | {"dataset": "leads", "inputs": {}}
    made = api.ask("POST", "/schedules", of_set | {"columns": {"company": "Buyer"}})
    assert made.status_code == 201, made.content
    assert made.json()["columns"] == {"company": "Buyer"}
    path = f"/schedules/{made.json()['id']}"
    for columns, said in (
        ({"company": "Käufer"}, "leads@1 has no column “Käufer”, which is to fill the crew’s company."),
        ({"firm": "Buyer"}, "The crew takes no input firm, which the column “Buyer” is to fill."),
        ({"company": ""}, "No column of leads@1 fills the crew’s company"),
    ):
        for answer in (
            api.ask("POST", "/schedules", of_set | {"columns": columns}),
            api.ask("PATCH", path, {"columns": columns}),
            api.ask("POST", "/crews/company-brief/batches", {"dataset": "leads", "columns": columns}),
        ):
            assert said in answer.json()["error"]["fields"].get("dataset", ""), answer.content
    assert wrong(api.ask("POST", "/schedules", TERMS | {"columns": {"company": "Buyer"}})) == {"columns"}
    alone = {"inputs": [{"company": "Acme"}], "columns": {"company": "Buyer"}}
    assert wrong(api.ask("POST", "/crews/company-brief/batches", alone)) == {"columns"}
    assert api.ask("PATCH", path, {"columns": {"other": ""}}).json()["columns"] == {}
    launched = api.ask("POST", "/crews/company-brief/batches", {"dataset": "leads", "columns": {"company": "Buyer"}})
    assert Batch.objects.get(pk=launched.json()["id"]).rows.get().inputs == {"company": "Hooli"}
    api.ask("PATCH", path, {"columns": {"company": "Buyer"}})
    single = api.ask("PATCH", path, {"dataset": None, "inputs": {"company": "Acme"}})
    assert (single.json()["columns"], single.json()["dataset"]) == ({}, None)


def test_a_version_that_no_longer_fits_is_named_and_loses_nothing(api: Api, cast: Cast, crew: Crew) -> None:
    kept = make_data_set(cast.runner, "leads", of_json([{"Company": "Acme", "Buyer": "Hooli"}]))
    schedule = hourly(cast.runner, crew, data_set=kept, columns={"company": "Buyer"})
    said = "leads@2 has no column “Buyer”, which is to fill the crew’s company."
    add_version(cast.runner, kept, of_json([{"Company": "Acme"}]))
    look(TEN)
    assert (became(schedule), said in schedule.times.get().says) == ([("10:00", "refused")], True)
    here, path = f"{SCHEDULES}{schedule.pk}/", f"/schedules/{schedule.pk}"
    page = html(signed_in(cast.runner).get(here))
    assert "Its next launch would be refused." in page
    assert page.count(said) == 2  # on the schedule and at its time
    assert api.ask("GET", path).json()["unfit"] == said
    assert said in html(signed_in(cast.runner).get(f"{here}edit/"))
    add_rows(cast.runner, kept, of_json([{"Buyer": "Initech"}]))
    assert api.ask("GET", path).json()["unfit"] is None
    look(TEN + HOUR)  # the first row has no buyer
    assert "inputs.0.Buyer: It is empty." in schedule.times.latest("pk").says
    add_version(cast.runner, kept, of_json([{"Buyer": "Initech"}]))
    look(TEN + 2 * HOUR)
    assert became(schedule)[-1] == ("12:00", "launched")
    end(fed(Batch.objects.get())[0])
    assert schedule.is_on


def test_a_crew_that_no_longer_takes_an_input_is_told_of_with_the_column(api: Api, cast: Cast, crew: Crew) -> None:
    kept = make_data_set(cast.runner, "leads", of_json([{"Buyer": "Hooli"}]))
    schedule = hourly(cast.runner, crew, data_set=kept, columns={"company": "Buyer"})
    alone = hourly(cast.runner, crew, name="Alone")
    cut_version(crew, by=maker_of(crew).user)
    newest = crew.versions.latest("number")
    spec = json.loads(json.dumps(newest.spec).replace("{company}", "{firm}"))
    CrewVersion.objects.create(crew=crew, number=newest.number + 1, spec=spec, content_hash="other")
    look(TEN)
    said = "The crew takes no input company, which the column “Buyer” is to fill."
    assert said in schedule.times.get().says
    assert (became(schedule), became(alone)) == ([("10:00", "refused")], [("10:00", "refused")])
    assert api.ask("GET", f"/schedules/{schedule.pk}").json()["unfit"] == said
    assert api.ask("GET", f"/schedules/{alone.pk}").json()["unfit"] == "firm: This input is missing."
    schedule.refresh_from_db()
    assert (schedule.is_on, schedule.columns) == (True, {"company": "Buyer"})
    assert not Batch.objects.exists()


def test_a_value_of_the_crews_own_is_known_in_either_spelling_of_its_name(cast: Cast) -> None:
    """As a file of a Mac has it, whose accents stand behind their letters."""
    spec = spec_of(crew_of(cast, "Own", "Sort {café}", **{normalize("NFD", "café"): "Central"}))
    kept = make_data_set(cast.runner, "towns", of_json([{"town": "Oslo"}])).versions.get()
    part = columns_part(cast.runner, spec, "towns", {})
    assert ([choice.own for choice in part.choices], part.complaint) == ([True], "")
    preview = rows_preview(Batch(simulated=True), spec, table_of(kept), {}, ())
    assert ([choice.own for choice in preview.choices], preview.result.missing) == ([True], [])
