"""Pages of data sets: made of a file or of a batch, shown, grown, renamed, taken away; and batches of them."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone

from agents_app.models import Crew
from runs.batches.table import MAX_BYTES
from runs.data_sets.actions import make_data_set
from runs.data_sets.files import as_csv, as_json_lines, pieces
from runs.data_sets.rows import of_json
from runs.export.formats import Format
from runs.models import Batch, DataSet, DataSetVersion
from runs.retention import removal
from tests.cast import Cast
from tests.pages import HOSTILE, LAUNCH, html, signed_in
from tests.runs.batches.made import end, fed, make_batch
from tests.runs.schedules.made import hourly

pytestmark = pytest.mark.django_db

SETS = "/t/acme/data-sets/"


def text_of(form: Format, version: DataSetVersion) -> str:
    return form.begins + "".join(form.lines(piece) for piece in pieces(version))


def test_a_file_becomes_a_set_and_grows(cast: Cast) -> None:
    client = signed_in(cast.runner)
    file = SimpleUploadedFile("leads.csv", "Firma;Ort\r\nBjörk;Oslo\r\n=1+1;\r\n".encode("cp1252"))
    made = client.post(f"{SETS}new/", {"name": "Leads, Júni", "table": "", "file": file})
    assert made["Location"] == f"{SETS}leads-juni/"
    page = html(client.get(made["Location"]))
    assert "Björk" in page
    assert "2 rows" in page
    grown = client.post(f"{SETS}leads-juni/add/", {"after": 1, "table": "Firma\nHooli", "behind": ""})
    again = client.post(f"{SETS}leads-juni/add/", {"after": 1, "table": "Firma\nHooli", "behind": ""})
    assert (again.status_code, "Version 2 was made meanwhile." in html(again)) == (422, True)
    assert grown["Location"] == f"{SETS}leads-juni/"
    alone = client.post(f"{SETS}leads-juni/add/", {"after": 2, "table": "Firma\nInitech", "alone": ""})
    assert alone.status_code == 302
    assert [one.row_count for one in DataSet.objects.get().versions.order_by("number")] == [2, 3, 1]
    second = html(client.get(f"{SETS}leads-juni/?version=2"))
    assert "Hooli" in second
    assert "Initech" not in second
    first, last = (DataSet.objects.get().versions.get(number=number) for number in (1, 3))
    assert text_of(as_csv(first), first) == "Firma,Ort\r\nBjörk,Oslo\r\n'=1+1,\r\n"
    assert text_of(as_json_lines(), last) == '{"Firma": "Initech"}\n'
    csv = client.get(f"{SETS}leads-juni/rows.csv?version=1")
    assert csv["Content-Disposition"] == 'attachment; filename="leads-juni-1.csv"'
    assert client.get(f"{SETS}leads-juni/rows.jsonl").status_code == 200
    assert client.get(f"{SETS}leads-juni/?version=9").status_code == 404
    assert client.get(f"{SETS}leads-juni/?cursor=x").status_code == 302
    assert client.get(f"{SETS}?cursor=x").status_code == 422


def test_what_is_refused_is_said_at_its_field_and_nothing_typed_is_lost(cast: Cast) -> None:
    client = signed_in(cast.runner)
    kept = "Firma\n" + '"never closed'
    refused = client.post(f"{SETS}new/", {"name": "leads", "table": kept})
    assert refused.status_code == 422
    assert "a quotation mark opens a text that is never closed." in html(refused)
    assert "never closed" in html(refused)
    assert 'value="leads"' in html(refused)
    large = SimpleUploadedFile("large.csv", b"a\n" + b"1\n" * (MAX_BYTES // 2))
    assert "3 MB are read. Split it." in html(client.post(f"{SETS}new/", {"name": "leads", "table": "", "file": large}))
    assert "“new”" in html(client.post(f"{SETS}new/", {"name": "New", "table": "a\n1"}))
    assert not DataSet.objects.exists()
    assert signed_in(cast.viewer).get(f"{SETS}new/").status_code == 403
    assert signed_in(cast.viewer).get(SETS).status_code == 200


def test_inputs_of_a_batch_are_kept_unless_they_are_gone(cast: Cast, crew: Crew) -> None:
    client = signed_in(cast.runner)
    batch = make_batch(cast.runner, crew, rows=3)
    keep = f"/t/acme/batches/{batch.pk}/keep/"
    assert keep in html(client.get(f"/t/acme/batches/{batch.pk}/"))
    assert client.post(keep, {"name": "leads"})["Location"] == f"{SETS}leads/"
    again = client.post(keep, {"name": "leads"})
    assert again.status_code == 422
    assert "There is a data set leads already" in html(again)
    assert DataSet.objects.get().rows.count() == 3
    for run in fed(batch):
        end(run)
    batch.runs.update(finished_at=timezone.now() - timedelta(days=9))
    batch.team.keep_texts_days = 1
    batch.team.save()
    removal.remove_now_and_then()
    refused = client.post(keep, {"name": "later"})
    assert refused.status_code == 422
    assert "removed as too old" in html(refused)


def test_a_batch_takes_the_rows_of_a_set_and_the_set_says_where_it_is_used(cast: Cast, crew: Crew) -> None:
    client = signed_in(cast.runner)
    kept = make_data_set(cast.runner, "leads", of_json([{"Firma": "Acme"}, {"Firma": "Hooli"}]))
    form = f"{LAUNCH}batch/"
    assert 'value="leads"' in html(client.get(f"{form}?dataset=leads"))
    sent = {"table": "", "data_set": "leads@1", "simulated": "yes", "priority": "normal", "max_concurrency": "2"}
    sent |= {"key": str(uuid4())}
    preview = client.post(form, sent)
    assert preview.context["preview"].result.columns == {"company": "Firma"}
    launched = client.post(form, sent | {"launch": ""})
    batch = Batch.objects.get()
    assert launched["Location"] == f"/t/acme/batches/{batch.pk}/"
    assert str(batch.data_set_version) == "leads@1"
    assert f"{SETS}leads/?version=1" in html(client.get(launched["Location"]))
    both = client.post(form, sent | {"table": "company\nAcme", "key": str(uuid4())})
    assert "Give either a data set or a table." in html(both)
    assert "There is no data set nothing" in html(client.post(form, sent | {"data_set": "nothing"}))
    schedule = hourly(cast.runner, crew, data_set=make_data_set(cast.runner, "b", of_json([{"company": HOSTILE[:99]}])))
    page = html(client.get(f"{SETS}leads/"))
    assert f"/t/acme/batches/{batch.pk}/" in page
    other = html(client.get(f"{SETS}b/"))
    assert f"/t/acme/schedules/{schedule.pk}/" in other
    assert HOSTILE[:20] not in other
    assert kept.name in page


def test_it_is_renamed_and_archived_on_its_page(cast: Cast) -> None:
    client = signed_in(cast.runner)
    for name in ("a", "b"):
        make_data_set(cast.runner, name, of_json([{"x": "1"}]))
    renamed = client.post(f"{SETS}a/change/", {"do": "rename", "name": "C D"})
    assert renamed["Location"] == f"{SETS}c-d/"
    taken = client.post(f"{SETS}c-d/change/", {"do": "rename", "name": "b"})
    assert taken.status_code == 422
    assert "There is a data set b already" in html(taken)
    client.post(f"{SETS}b/change/", {"do": "archive"})
    assert f"{SETS}b/" not in html(client.get(SETS))
    assert f"{SETS}b/" in html(client.get(f"{SETS}?archived=1"))
    client.post(f"{SETS}b/change/", {"do": "restore"})
    assert f"{SETS}b/" in html(client.get(SETS))
