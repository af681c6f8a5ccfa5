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
from runs.schedules.actions import remove
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


def test_a_set_is_looked_at_before_it_is_kept_and_kept_once(cast: Cast) -> None:
    client = signed_in(cast.runner)
    rows = [f"Acme {at},{at},2026-11-0{at % 9 + 1},007,yes,https://a.test/{at}," for at in range(12)]
    table = "firm,size,since,code,ok,site,none\n" + "\n".join([*rows, "Hooli,many,,1,NO,,"])
    typed = {"name": "leads", "table": table, "form_key": "one"}
    looked = client.post(f"{SETS}new/", typed | {"preview": ""})
    page = " ".join(html(looked).split())
    facts = {fact.name: (str(fact.kind), fact.filled, fact.empty) for fact in looked.context["preview"].columns}
    assert facts == {
        "firm": ("texts", 13, 0),
        "size": ("texts", 13, 0),
        "since": ("dates", 12, 1),
        "code": ("texts", 13, 0),
        "ok": ("true or false", 13, 0),
        "site": ("links", 12, 1),
        "none": ("empty", 0, 13),
    }
    assert "13 rows</h2>" in page
    assert "Acme 9<" in page
    assert "Acme 10<" not in page
    assert "and 3 rows more" in page
    assert not DataSet.objects.exists()
    for _ in range(2):
        assert client.post(f"{SETS}new/", typed | {"keep": ""})["Location"] == f"{SETS}leads/"
    assert client.post(f"{SETS}new/", typed | {"keep": "", "form_key": "two"}).status_code == 422
    kept = DataSet.objects.get()
    assert kept.rows.count() == 13
    page = " ".join(html(client.get(f"{SETS}leads/")).split())
    assert "true or false" in page
    assert "Of its first" not in page


def test_a_next_version_says_what_it_changes_before_it_is_made_and_is_made_once(cast: Cast) -> None:
    client = signed_in(cast.runner)
    kept = make_data_set(cast.runner, "leads", of_json([{"a": "1"}, {"a": "1"}, {"a": "2", "b": "x"}]))
    typed = {"after": 1, "table": "a,c\n1,\n3,y\n3,y\n", "form_key": "one"}
    looked = client.post(f"{SETS}leads/add/", typed | {"preview": ""})
    behind, alone = looked.context["preview"].behind, looked.context["preview"].alone
    assert (behind.same, behind.added, behind.removed, behind.repeated) == (3, 3, 0, 1)
    assert (alone.same, alone.added, alone.removed, alone.repeated) == (1, 2, 2, 0)
    assert (alone.columns_added, alone.columns_removed, behind.columns_removed) == (["c"], ["b"], ())
    page = " ".join(html(looked).split())
    assert "2 rows added, 2 removed, 1 the same." in page
    assert "1 added row is there already, word for word." in page
    assert kept.versions.count() == 1
    for _ in range(2):
        assert client.post(f"{SETS}leads/add/", typed | {"behind": ""}).status_code == 302
    assert [version.row_count for version in kept.versions.order_by("number")] == [3, 6]
    stale = client.post(f"{SETS}leads/add/", typed | {"preview": ""})  # shown against version 2 from now on
    assert 'name="after" value="2"' in html(stale)
    assert stale.context["preview"].alone.removed == 3
    monkeyed = client.post(f"{SETS}leads/add/", {"after": 2, "table": "a\n" + "1\n" * 9_996, "preview": ""})
    assert "at most 10,000 rows" in html(monkeyed)


def test_it_is_deleted_on_its_page_unless_it_is_used_or_was_changed(cast: Cast, crew: Crew) -> None:
    client = signed_in(cast.runner)
    kept = make_data_set(cast.runner, "leads", of_json([{"company": "Acme"}]))
    schedule = hourly(cast.runner, crew, name=HOSTILE[:100], data_set=kept)
    change = f"{SETS}leads/change/"
    delete = {"do": "delete", "revision": "1"}
    refused = html(client.post(change, delete, follow=True))
    assert "1 schedule uses it:" in refused
    assert "<script>alert" not in refused
    batch = make_batch(cast.runner, crew, rows=2, data_set_version=kept.versions.get())
    remove(cast.runner, schedule)
    assert "was changed meanwhile" in html(client.post(change, delete | {"revision": "9"}, follow=True))
    assert signed_in(cast.viewer).post(change, delete).status_code == 403
    gone = html(client.post(change, delete, follow=True))
    assert "The data set leads is deleted." in gone
    assert client.get(f"{SETS}leads/").status_code == 404
    assert not DataSet.objects.exists()
    assert not DataSetVersion.objects.exists()
    page = html(client.get(f"/t/acme/batches/{batch.pk}/"))
    assert "Its rows were those of the data set leads@1, which was deleted." in page
    assert f"/t/acme/batches/{batch.pk}/keep/" in page
    assert batch.rows.count() == 2


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
