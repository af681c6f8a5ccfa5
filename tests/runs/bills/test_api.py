"""Bills and usage in the API: the page's figures, exact, as JSON and as CSV, and refusals that say what to do."""

from __future__ import annotations

import csv
import hashlib
import io
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from runs.closing.actions import close_month
from runs.ledger import rollups
from runs.models import Bill
from runs.money import to_usd
from runs.months import this_month
from runs.states import CostClass
from teams.actions import issue_token
from tests.cast import Cast, make_crew
from tests.ledger import make_call, make_run
from tests.runs.closing.months import Month

pytestmark = pytest.mark.django_db

NOVEMBER = date(2025, 11, 1)


@pytest.fixture
def asked(cast: Cast, client: Client) -> Any:
    """GET below ``/api/v1/`` as a viewer of the team, whose November has three calls."""
    crew = make_crew(cast.editor)
    run = make_run(cast.runner, crew, metadata={"customer": "Alder"})
    when = {"billed_month": NOVEMBER, "started_at": "2025-11-03T10:00Z", "finished_at": "2025-11-03T10:00Z"}
    make_call(run, cost_nusd=1_234_567_891, **when)
    make_call(run, step=1, cost_nusd=9, cost_class=CostClass.RETRY, model="o4-mini", **when)
    make_call(run, step=2, cost_nusd=None, model="acme-7b", **when)
    rollups.rebuild(cast.team.pk)
    Bill.objects.create(team=cast.team, month=NOVEMBER, spent_nusd=1_234_567_900)
    _, secret = issue_token(cast.viewer, scope="read")

    def get(path: str, accept: str = "application/json") -> Any:
        return client.get(f"/api/v1/{path}", headers={"authorization": f"Bearer {secret}", "accept": accept})

    return get


def test_a_bill_sums_alike_by_everything_and_parses_back(asked: Any) -> None:
    bill = asked("bills/2025-11").json()
    total = Decimal("1.2345679")
    assert (Decimal(bill["total_usd"]), bill["calls"], bill["unpriced_calls"]) == (total, 3, 1)
    for name, items in {**bill["by"], "class": bill["classes"]}.items():
        assert sum(Decimal(item["cost_usd"]) for item in items) == total, name
        assert sum(item["calls"] for item in items) == 3, name
    assert bill["by"]["label:customer"][0]["code"] == "Alder"
    assert sum(Decimal(part["cost_usd"]) for part in bill["parts"]) == total
    assert {part["part"]: part["unpriced_calls"] for part in bill["parts"]} == {"whole": 1}
    assert [(item["code"], item["cost_usd"]) for item in bill["waste"]] == [("retry", "0.000000009")]
    assert (bill["state"], bill["why"], bill["hash"]) == ("open", None, None)
    assert asked("bills/2025-11?model=o4-mini").json()["total_usd"] == "0.000000009"
    months = {item["month"]: item for item in asked("bills").json()["items"]}
    assert months["2025-11"]["total_usd"] == "1.2345679"


def test_csv_comes_where_accept_asks_for_it(asked: Any) -> None:
    for path in (
        "bills/2025-11",
        "bills/2025-11?group_by=model,label:customer",
        "usage?since=2025-11-01&until=2025-12-01",
    ):
        answer = asked(path, accept="text/csv")
        assert answer["Content-Type"] == "text/csv; charset=utf-8"
        rows = list(csv.DictReader(io.StringIO(answer.content.decode())))
        assert sum(Decimal(row["spent_usd"]) for row in rows) == Decimal("1.2345679")
        assert sum(int(row["calls"]) for row in rows) == 3
    assert asked("bills/2025-11", accept="*/*").json()["month"] == "2025-11"
    months = list(csv.DictReader(io.StringIO(asked("bills", accept="text/csv").content.decode())))
    items = asked("bills").json()["items"]
    assert [row["month"] for row in months] == [item["month"] for item in items]
    (november,) = [row for row in months if row["month"] == "2025-11"]
    assert (november["total_usd"], november["unpriced_calls"], november["budget_usd"]) == ("1.2345679", "1", "")


def test_a_file_with_too_many_lines_names_the_field_that_was_sent(asked: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runs.bills.lines.MOST_LINES", 1)
    for path in ("bills/2025-11", "bills/2025-11?group_by=model"):
        answer = asked(path, accept="text/csv")
        assert (answer.status_code, [*answer.json()["error"]["fields"]]) == (422, ["group_by"])


def test_usage_by_anything_in_any_days(asked: Any) -> None:
    usage = asked("usage?group_by=model,label:customer&since=2025-11-03&until=2025-11-04").json()
    assert {item["group"]["model"]: item["cost_usd"] for item in usage["items"]} == {
        "gpt-4o": "1.234567891",
        "o4-mini": "0.000000009",
        "acme-7b": "0",
    }
    assert usage["total"]["cost_usd"] == "1.2345679"
    assert asked("usage?since=2025-11-04&until=2025-11-05").json()["items"] == []
    assert asked("usage?simulated=yes&since=2025-11-01&until=2025-12-01").json()["total"]["calls"] == 0
    batches = asked("usage?group_by=batch&since=2025-11-01&until=2025-12-01").json()["items"]
    assert [(item["group"]["batch"], item["names"]["batch"]) for item in batches] == [("", "in no batch")]
    parts = asked("usage?group_by=part&since=2025-11-01&until=2025-12-01").json()["items"]
    assert sum(Decimal(item["cost_usd"]) for item in parts) == Decimal("1.2345679")
    assert {item["calls"] for item in parts} == {0}, "a call has many parts"
    assert sum(item["unpriced_calls"] for item in parts) == 1


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("bills/2025-13", 404, ""),
        ("bills/9999-01", 404, ""),
        ("bills/2025-11?crew=nope", 422, "no crew"),
        ("usage?group_by=colour", 422, "nothing that a bill is divided by"),
        ("usage?group_by=crew,model,day,person,token", 422, "Group by 4 at most"),
        ("usage?since=2025-11-05&until=2025-11-01", 422, "not before"),
        ("usage?since=2020-01-01&until=2025-01-01", 422, "366 days"),
        ("usage?since=soon", 422, ""),
        ("usage?until=0001-01-05", 422, "before 2001"),
        ("usage?since=0001-01-01&until=0001-01-05", 422, "before 2001"),
        ("usage?since=9999-12-30&until=9999-12-31", 200, '"items": []'),
        ("bills/2025-11?group_by=crew,model,day,person,token", 422, "Group by 4 at most"),
        ("bills/2025-11?" + "&".join(f"label:{number}=x" for number in range(11)), 422, "by 10 dimensions at most"),
        ("usage?" + "&".join(f"label:{number}=x" for number in range(11)), 422, "by 10 dimensions at most"),
    ],
)
def test_what_makes_no_sense_is_refused_with_words(asked: Any, path: str, status: int, words: str) -> None:
    answer = asked(path)
    assert answer.status_code == status
    assert words in answer.content.decode()


def test_a_present_month_has_its_forecast(cast: Cast, asked: Any) -> None:
    run = make_run(cast.runner, make_crew(cast.editor))
    make_call(run, cost_nusd=500, billed_month=this_month())
    rollups.rebuild(cast.team.pk)
    bill = asked(f"bills/{this_month():%Y-%m}").json()
    assert bill["forecast"] == {"low_usd": None, "high_usd": None, "confidence": 80}
    assert asked("bills/2025-11").json()["forecast"] is None


def test_a_closed_month_has_the_number_and_the_hash_of_its_document(cast: Cast, asked: Any) -> None:
    month = Month(cast).month
    closed = close_month(cast.owner, month)
    bill = asked(f"bills/{month:%Y-%m}").json()
    assert (bill["state"], bill["number"], bill["hash"]) == ("closed", closed.number, closed.sha256)
    assert Decimal(bill["total_usd"]) == to_usd(closed.total_nusd)
    assert hashlib.sha256(asked(f"bills/{month:%Y-%m}/document").content).hexdigest() == closed.sha256


def test_what_comes_late_is_on_the_present_bill_and_not_on_the_closed_one(cast: Cast, asked: Any) -> None:
    books = Month(cast)
    closed = close_month(cast.owner, books.month)
    books.book_late()
    present, old = (asked(f"bills/{month:%Y-%m}").json() for month in (this_month(), books.month))
    assert (present["total_usd"], present["counter_lines_usd"], present["calls"]) == ("-0.0005", "-0.0005", 0)
    (line,) = present["counter_lines"]
    assert (line["call"], line["own_month"]) == (str(books.lost.pk), f"{books.month:%Y-%m}")
    assert (line["booked_usd"], line["exact_usd"], line["cost_usd"]) == ("0.0006", "0.0001", "-0.0005")
    assert old["counter_lines"][0]["cost_usd"] == "0.0005", "the closed bill keeps what it had booked"
    assert Decimal(old["total_usd"]) == to_usd(closed.total_nusd)
    for bill in (present, old):
        for name, items in {**bill["by"], "class": bill["classes"]}.items():
            assert sum(Decimal(item["cost_usd"]) for item in items) == Decimal(bill["total_usd"]), name
        text = asked(f"bills/{bill['month']}", accept="text/csv").content.decode()
        rows = list(csv.DictReader(io.StringIO(text)))
        assert sum(Decimal(row["spent_usd"]) for row in rows) == Decimal(bill["total_usd"])
        assert sum(Decimal(row["moved_usd"]) for row in rows) == Decimal(bill["counter_lines_usd"])
