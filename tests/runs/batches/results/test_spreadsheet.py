"""Results as a workbook, read back as XML: texts stay texts, whatever they hold, and what was cut is said."""

from __future__ import annotations

import re
import zipfile
from io import BytesIO
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from agents_app.models import Crew
from runs.batches.actions import launch_batch
from runs.batches.files import pieces
from runs.batches.order import BatchOrder
from runs.batches.results.spreadsheet import as_xlsx
from runs.launch.order import LaunchOrder
from runs.models import Batch, Run
from runs.states import RunState
from tests.cast import Cast
from tests.pages import signed_in
from tests.runs.batches.made import end, fed

pytestmark = pytest.mark.django_db

NS = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
HARMFUL = [
    "=1+1",
    '=HYPERLINK("http://evil.example","x")',
    "http://evil.example/a",
    "mailto:a@evil.example",
    "+1",
    "-1",
    "@SUM(A1)",
    "<r><t>markup</t></r>",
    "<r>&",
    "a\x01b\x1fc\r\nd\te",
    "_x0041_ as it is typed",
    " space around ",
    "12345678901234567890",
    "🦀 \ufffe",
    "x" * 40_000,
    "🦀" * 16_384,
]


def read(data: bytes, sheet: int = 1) -> list[dict[str, Any]]:
    """Cells of each row, by the letter of their column: texts and numbers."""
    with zipfile.ZipFile(BytesIO(data)) as book:
        root = ET.fromstring(book.read(f"xl/worksheets/sheet{sheet}.xml"))
    assert not list(root.iter(f"{NS}f")), "a formula"
    assert not list(root.iter(f"{NS}hyperlink")), "a link"
    return [
        {re.sub(r"\d", "", cell.attrib["r"]): _value(cell) for cell in row.iter(f"{NS}c")}
        for row in root.iter(f"{NS}row")
    ]


def _value(cell: ET.Element) -> Any:
    kind = cell.attrib.get("t", "n")
    if kind == "inlineStr":
        text = "".join(part.text or "" for part in cell.iter(f"{NS}t"))
        return re.sub(r"_x([0-9A-F]{4})_", lambda match: chr(int(match[1], 16)), text)
    value = cell.find(f"{NS}v")
    assert value is not None
    assert value.text is not None
    return value.text == "1" if kind == "b" else float(value.text)


def written(batch: Batch) -> bytes:
    form = as_xlsx(batch)
    assert "".join(form.lines(piece) for piece in pieces(batch)) == ""
    return b"".join(form.ends())


@pytest.fixture
def batch(cast: Cast, crew: Crew) -> Batch:
    order = BatchOrder(
        rows=[{"company": text} for text in HARMFUL], run=LaunchOrder(simulated=True), max_concurrency=4, name="=cmd()"
    )
    return launch_batch(cast.runner, crew, order)


def test_every_text_comes_back_as_a_text(batch: Batch) -> None:
    done, failed, other, _ = fed(batch)
    end(done, nusd=20_000_000)
    Run.objects.filter(pk=done.pk).update(output_raw="=cmd()", started_at=done.created_at)
    end(failed, RunState.FAILED)
    Run.objects.filter(pk=failed.pk).update(unpriced_calls=1)
    data = written(batch)
    head, *rows = read(data)
    assert list(head.values()) == ["row", "company", "status", "output", "cost_usd", "seconds", "run", "error"]
    assert [row["B"] for row in rows] == [*HARMFUL[:-2], "x" * 32_767, "🦀" * 16_383]
    one, two, three, *_ = rows
    assert (one["A"], one["C"], one["D"], one["E"], one["G"]) == (1, "succeeded", "=cmd()", 0.02, str(done.pk))
    assert isinstance(one["F"], float)
    assert (two["C"], two["E"], two["H"]) == ("failed", "unpriced", "It broke.")
    assert (three["C"], three["G"], "D" in three) == ("queued", str(other.pk), False)
    notes = read(data, 2)
    said = {row["A"]: row.get("B") for row in notes}
    assert (said["batch"], said["money"]) == ("=cmd()", "simulated: nothing was spent")
    assert said["cut cells"].startswith("2 longer than 32,767 characters")
    assert [tuple(row.values()) for row in notes[-2:]] == [(15, "company", 40_000), (16, "company", 16_384)]


def test_it_is_sent_whole_and_nothing_of_it_stays_on_the_disk(
    batch: Batch, cast: Cast, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    address = f"/t/acme/batches/{batch.pk}/results.xlsx"
    response = signed_in(cast.viewer).get(address)
    assert response["Content-Disposition"] == 'attachment; filename="company-brief-batch.xlsx"'
    assert response["Content-Type"].endswith("spreadsheetml.sheet")
    assert list(tmp_path.iterdir())
    del response
    assert signed_in(cast.stranger).get(address).status_code == 404
    form = as_xlsx(batch)
    form.lines(next(pieces(batch)))
    assert len(read(b"".join(form.ends()))) == len(HARMFUL) + 1
    assert not list(tmp_path.iterdir())
