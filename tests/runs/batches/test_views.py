"""The pages of batches: the form with its preview, the list, a batch, and its results as files."""

from __future__ import annotations

import csv
import json
from io import StringIO
from typing import Any
from uuid import uuid4

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from agents_app.models import Crew
from runs.batches.files import as_csv, as_json_lines, pieces
from runs.export.formats import Format
from runs.feeding.feed import feed
from runs.history.filters import RunFilter
from runs.models import Batch, Run
from runs.states import RunState
from tests.cast import Cast
from tests.ledger import make_run
from tests.pages import HOSTILE, LAUNCH, RUNS, html, page_of, signed_in
from tests.runs.batches.made import end, fed, make_batch, states

BATCHES = "/t/acme/batches/"
FORM = f"{LAUNCH}batch/"


def sent(**typed: Any) -> dict[str, Any]:
    usual = {"table": "company\nAcme\nInitech\n", "simulated": "yes", "priority": "normal", "max_concurrency": "2"}
    return usual | {"key": str(uuid4())} | typed


@pytest.mark.django_db
class TestLaunch:
    def test_the_form_is_beside_the_launch_of_one_run(self, cast: Cast, crew: Crew) -> None:
        client = signed_in(cast.runner)
        assert f'href="{FORM}"' in html(client.get(LAUNCH))
        page = html(client.get(FORM))
        assert "<code>company</code>" in page
        assert 'name="inputs.company"' not in page
        assert signed_in(cast.viewer).get(FORM).status_code == 403

    def test_a_preview_launches_nothing_and_says_what_it_would_take(self, cast: Cast, crew: Crew) -> None:
        for seconds, usd in ((10, 0.1), (20, 0.3)):
            make_run(cast.owner, crew, seconds=seconds, usd=usd, simulated=True)
        response = signed_in(cast.runner).post(FORM, sent(table="Company;x\nAcme;1\nAcme;2\nInitech;3"))
        page = html(response)
        assert response.status_code == 200
        assert "1 row repeats an earlier one word for word: 2 is 1." in page
        assert "by 2 runs that succeeded simulated." in page
        assert "<code>x</code>" in page
        estimate = response.context["preview"].estimate
        assert (estimate.at_once, estimate.runs, estimate.binds) == (2, 2, None)
        assert 300_000_000 <= estimate.low_nusd < 600_000_000 < estimate.high_nusd <= 900_000_000
        assert 'name="launch"' in page
        assert not Batch.objects.exists()

    def test_a_launch_leads_to_the_batch_and_its_bounds_are_kept(self, cast: Cast, crew: Crew) -> None:
        typed = sent(
            launch="", name="Leads", stop_after_failures="3", batch_budget_usd="5", budget_usd="0.5", max_calls="9"
        )
        response = signed_in(cast.runner).post(FORM, typed)
        batch = Batch.objects.get()
        assert response["Location"] == f"{BATCHES}{batch.pk}/"
        assert (batch.name, batch.simulated, batch.max_concurrency, batch.max_calls) == ("Leads", True, 2, 9)
        assert (batch.stop_after_failures, batch.budget_nusd, batch.run_budget_nusd) == (3, 5 * 10**9, 5 * 10**8)
        assert list(batch.rows.values_list("inputs", flat=True)) == [{"company": "Acme"}, {"company": "Initech"}]
        assert signed_in(cast.runner).post(FORM, typed)["Location"] == response["Location"]
        other = signed_in(cast.runner).post(FORM, typed | {"table": "company\nHooli"})
        assert other.status_code == 422
        assert "launched before" in html(other)
        assert Batch.objects.count() == 1

    def test_a_file_is_read_and_its_columns_can_be_chosen(self, cast: Cast, crew: Crew) -> None:
        client = signed_in(cast.runner)
        file = SimpleUploadedFile("leads.csv", "Firma,Ort\nBjörk,Oslo".encode("cp1252"))
        first = client.post(FORM, sent(table="", file=file))
        page = html(first)
        assert "Windows-1252" in page
        assert "No column fills <code>company</code>" in page
        assert 'name="launch"' not in page
        text = first.context["form"]["table"].value()
        client.post(FORM, sent(table=text, column_of_0="Firma", launch=""))
        assert Batch.objects.get().rows.get().inputs == {"company": "Björk"}

    @pytest.mark.parametrize(
        ("typed", "said"),
        [
            ({"table": ""}, "There is no table yet"),
            ({"table": "company,x\nAcme,1\n,2"}, "Row 2 (line 3), <code>company</code>: It is empty."),
            ({"max_concurrency": "0"}, "greater than or equal to 1"),
            ({"budget_usd": "5", "batch_budget_usd": "1"}, "less than the budget of one run"),
        ],
    )
    def test_what_is_wrong_is_said_and_nothing_is_launched(
        self, cast: Cast, crew: Crew, typed: dict[str, str], said: str
    ) -> None:
        response = signed_in(cast.runner).post(FORM, sent(launch="", **typed))
        assert said in html(response)
        assert not Batch.objects.exists()


@pytest.mark.django_db
class TestPages:
    def test_the_list_says_how_far_each_is(self, cast: Cast, crew: Crew) -> None:
        client = signed_in(cast.viewer)
        assert "No batch yet" in html(client.get(BATCHES))
        batch = make_batch(cast.runner, crew, name=HOSTILE[:120])
        end(fed(batch)[0], nusd=20_000_000)
        page = html(client.get(BATCHES))
        assert "<script>alert" not in page
        assert f'href="{BATCHES}{batch.pk}/"' in page
        assert "$0.0200" in page
        assert client.get(f"{BATCHES}?cursor=x").status_code == 422
        assert f'href="{BATCHES}"' in html(client.get(RUNS))

    def test_a_batch_shows_its_rows_and_asks_for_itself_while_it_runs(self, cast: Cast, crew: Crew) -> None:
        batch = make_batch(cast.runner, crew, rows=3, max_concurrency=2)
        done, failed = fed(batch)
        end(done, nusd=20_000_000)
        Run.objects.filter(pk=done.pk).update(output_raw=HOSTILE)
        end(failed, RunState.FAILED)
        address = f"{BATCHES}{batch.pk}/"
        client = signed_in(cast.viewer)
        page = html(client.get(address))
        assert "<script>alert" not in page
        assert f'sse-connect="{address}events/?seen=' in page
        assert "2 of 3" in page
        assert page.index("Acme 1") < page.index("Initech 2") < page.index("Umbrella 3")
        assert f'href="{page_of(done)}"' in page
        assert 'name="do"' not in page
        asked = client.get(f"{address}?status=failed&was=running", headers={"HX-Request": "true"})
        assert "HX-Refresh" not in asked
        fragment = html(asked)
        assert "<html" not in fragment
        assert ("Initech 2" in fragment, "Acme 1" in fragment) == (True, False)
        assert client.get(f"{address}?status=odd").status_code == 302
        assert signed_in(cast.stranger).get(address).status_code == 404
        assert "Row 1 of its batch" in html(client.get(page_of(done)))

    def test_a_page_of_ten_thousand_rows_asks_as_little_as_one_of_few(
        self, cast: Cast, crew: Crew, django_assert_max_num_queries: Any
    ) -> None:
        client = signed_in(cast.viewer)
        address = f"{BATCHES}{make_batch(cast.runner, crew, rows=500).pk}/"
        client.get(address)
        with django_assert_max_num_queries(13):
            assert html(client.get(address)).count("<tr>") == 51

    def test_rows_are_added_on_the_page_once(self, cast: Cast, crew: Crew) -> None:
        batch = make_batch(cast.runner, crew, rows=2)
        client, address = signed_in(cast.runner), f"{BATCHES}{batch.pk}/rows/"
        assert f'href="{address}"' in html(client.get(f"{BATCHES}{batch.pk}/"))
        assert 'data-grid="[&quot;company&quot;]"' in html(client.get(address))
        typed = {"table": "company,x\nHooli,1\nSoylent,2", "after": "2"}
        shown = html(client.post(address, typed))
        assert "They come behind the 2 rows that it has" in shown
        assert 'name="add"' in shown
        assert 'name="launch"' not in shown
        assert batch.rows.count() == 2
        assert client.post(address, typed | {"add": ""})["Location"] == f"{BATCHES}{batch.pk}/"
        assert [row.inputs["company"] for row in batch.rows.order_by("position")][2:] == ["Hooli", "Soylent"]
        again = client.post(address, typed | {"add": ""})
        assert (again.status_code, "Rows were added meanwhile" in html(again)) == (409, True)
        wrong = client.post(address, {"table": "company,x\nHooli,1\n,2", "after": "4", "add": ""})
        assert "Nothing was added." in html(wrong)
        assert 'data-fault="2" data-column="company"' in html(wrong)
        file = SimpleUploadedFile("more.csv", b"company\nGlobex")
        client.post(address, {"file": file, "after": "4", "add": ""})
        assert batch.rows.count() == 5
        assert signed_in(cast.viewer).get(address).status_code == 403
        assert signed_in(cast.stranger).get(address).status_code == 404

    def test_buttons_do_what_they_say(self, cast: Cast, crew: Crew) -> None:
        batch = make_batch(cast.runner, crew, rows=2)
        client, address = signed_in(cast.runner), f"{BATCHES}{batch.pk}/change/"
        assert client.post(address, {"do": "pause"})["Location"] == f"{BATCHES}{batch.pk}/"
        assert states(batch) == ("paused", "person")
        refused = client.post(address, {"do": "resume", "max_concurrency": "999"})
        assert (refused.status_code, "less than or equal to 200" in html(refused)) == (422, True)
        refused = client.post(address, {"do": "resume", "budget_usd": "0"})
        assert (refused.status_code, "greater than or equal to 0.000001" in html(refused)) == (422, True)
        client.post(address, {"do": "resume", "max_concurrency": "1"})
        assert states(batch) == ("running", "")
        end(fed(batch)[0], RunState.FAILED)
        client.post(address, {"do": "retry"})
        assert batch.rows.filter(run=None).count() == 2
        client.post(address, {"do": "cancel"})
        assert states(batch) == ("cancelled", "")
        asked = client.get(f"{BATCHES}{batch.pk}/?was=running", headers={"HX-Request": "true"})
        assert asked["HX-Refresh"] == "true"
        assert "already cancelled" in html(client.post(address, {"do": "cancel"}, follow=True))
        assert client.post(address, {"do": "dance"}).status_code == 404
        assert client.get(address).status_code == 302
        assert signed_in(cast.viewer).post(address, {"do": "pause"}).status_code == 403

    def test_its_runs_are_found_by_its_id_and_its_name(self, cast: Cast, crew: Crew) -> None:
        batch = make_batch(cast.runner, crew, rows=2, name="Leads of May")
        feed()
        make_run(cast.owner, crew)
        for q in (f"batch:{batch.pk}", "batch:may", 'batch:="Leads of May"'):
            assert RunFilter.parse(q, cast.viewer).apply(Run.objects.all()).count() == 2, q
            assert RunFilter.parse(f"-{q}", cast.viewer).apply(Run.objects.all()).count() == 1, q
        assert RunFilter.parse("batch:none", cast.viewer).apply(Run.objects.all()).count() == 0
        assert RunFilter.parse(f"batch:{batch.pk}", cast.stranger).apply(Run.objects.all()).count() == 0


@pytest.mark.django_db
def test_results_are_taken_away_as_files_that_a_spreadsheet_carries_out_nothing_of(cast: Cast, crew: Crew) -> None:
    batch = make_batch(cast.runner, crew, rows=3, max_concurrency=2)
    done, failed = fed(batch)
    end(done, nusd=20_000_000)
    Run.objects.filter(pk=done.pk).update(output_raw="=cmd()")
    end(failed, RunState.FAILED)
    head, *rows = list(csv.reader(StringIO(_text(batch, as_csv(batch)))))
    assert head == ["row", "company", "status", "output", "cost_usd", "seconds", "run", "error"]
    assert rows[0][:5] == ["1", "Acme 1", "succeeded", "'=cmd()", "0.02"]
    assert rows[1][2:4] + rows[1][7:] == ["failed", "", "It broke."]
    assert rows[2] == ["3", "Umbrella 3", "pending", "", "", "", "", ""]
    lines = [json.loads(line) for line in _text(batch, as_json_lines()).splitlines()]
    assert [(line["row"], line["status"], line["output"], line["inputs"]["company"]) for line in lines] == [
        (1, "succeeded", "=cmd()", "Acme 1"),
        (2, "failed", None, "Initech 2"),
        (3, "pending", None, "Umbrella 3"),
    ]
    for name in ("csv", "jsonl"):
        response = signed_in(cast.viewer).get(f"{BATCHES}{batch.pk}/results.{name}")
        assert response["Content-Disposition"] == f'attachment; filename="company-brief-batch.{name}"'
        assert signed_in(cast.stranger).get(f"{BATCHES}{batch.pk}/results.{name}").status_code == 404


def _text(batch: Batch, form: Format) -> str:
    return form.begins + "".join(form.lines(piece) for piece in pieces(batch))
