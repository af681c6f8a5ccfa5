"""A month that is closed is a frozen copy: what it says is what was booked, and nothing changes its bytes."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from runs.bill_sums.sums import Scope, sums_of
from runs.closing.actions import close_month
from runs.closing.csv_file import csv_lines
from runs.closing.document import document, head_of
from runs.closing.lines import GONE
from runs.closing.page import shown
from runs.closing.rates import Rate, rate_of
from runs.closing.sums import DIMENSIONS
from runs.demo.removing import remove_some_runs, remove_team
from runs.ledger.invariants import look
from runs.models import Bill, Call, ClosedBill, ClosedLine, ClosingEntry, Correction, PriceQuote, Run
from runs.models.call import CALL_PARTS
from runs.months import month_after
from runs.retention.removal import remove_older
from runs.states import RunState
from teams.models import ApiToken, Membership, Team, User
from teams.refusals import Conflict, Invalid
from tests.cast import Cast
from tests.ledger import make_call
from tests.runs.batches.made import make_batch
from tests.runs.books import last_month, open_call, this_month
from tests.runs.closing.months import Month, day_of

pytestmark = pytest.mark.django_db

OF_BILLS = ["bill_spent", "closed_bill_copy", "closed_bill_hash", "closed_bill_sums", "counter_lines", "closing_log"]


@pytest.fixture
def month(cast: Cast) -> Month:
    return Month(cast)


def real() -> Any:
    return Call.objects.filter(simulated=False)


def text_of(bill: ClosedBill) -> str:
    return "".join(document(bill))


def csv_of(bill: ClosedBill, rate: Rate | None = None) -> str:
    return "".join(csv_lines(bill, rate))


def nusd(usd: str) -> Decimal:
    return Decimal(usd) * 10**9


def assert_books_hold() -> None:
    assert [(finding.name, finding.rows) for finding in look(OF_BILLS) if finding.count] == []


def test_a_closed_bill_says_what_was_booked(month: Month) -> None:
    """One closing, and all that must add up in its copy."""
    bill = close_month(month.cast.owner, month.month)
    spent = sum(call.cost_nusd or 0 for call in real())
    found = json.loads(text_of(bill))
    assert hashlib.sha256(text_of(bill).encode()).hexdigest() == bill.sha256 == ClosingEntry.objects.get().sha256
    assert (bill.number, bill.total_nusd, nusd(found["total_usd"])) == (1, spent, spent)
    assert Bill.objects.get(month=month.month).closed_at == bill.closed_at
    lines = found["lines"]
    assert sum(nusd(line["known_cost_usd"]) for line in lines) == spent
    assert sum(line["calls"] for line in lines) == found["calls"] == real().count() == 9
    assert found["unpriced_calls"] == 1
    assert {line["crew"] for line in lines} == {"Company brief", "=Other «crew»"}
    assert [line["labels"] for line in lines if line["day"].endswith("-09")] == [{"customer": "Zürich"}], (
        "it still runs"
    )
    assert {line["person"] for line in lines} == {"runner@example.com", None}
    assert {line["api_token"] for line in lines if line["crew_slug"] != "company-brief"} == {
        f"-nightly {ApiToken.objects.get().prefix}…"
    }
    for name, rows in found["by"].items():
        assert sum(nusd(row["known_cost_usd"]) for row in rows) == spent, name
        assert sum(row["calls"] for row in rows) == 9, name
    customers = {row["name"]: row["calls"] for row in found["by"]["label customer"]}
    assert customers == {"Acme": 3, "none": 4, None: 1, "Zürich": 1}
    assert sum(nusd(row["known_cost_usd"]) for row in found["positions"]) == spent
    assert sum(nusd(found[f"{name}_usd"]) for name in (*CALL_PARTS, "whole")) == spent
    assert_books_hold()


def test_lines_name_the_batch_that_their_runs_were_rows_of(month: Month) -> None:
    batch = make_batch(month.cast.runner, month.crew, name="=Leads")
    rows = Run.objects.filter(metadata__contains={"customer": "Acme"})
    rows.update(batch=batch, batch_row=1)
    Run.objects.filter(pk__in=[month.live.pk, month.lost.run_id]).update(batch=batch, batch_row=2)
    month.sum_up()
    bill = close_month(month.cast.owner, month.month)
    found = json.loads(text_of(bill))
    named = [line for line in found["lines"] if line["batch_id"]]
    assert {(line["batch"], line["batch_id"]) for line in named} == {("=Leads", str(batch.pk))}
    assert sum(line["calls"] for line in named) == 8
    by = {row["name"]: row["calls"] for row in found["by"]["batch"]}
    assert by == {f"=Leads ({batch.pk})": 8, None: 1}
    cells = {(row["batch"], row["batch_id"]) for row in csv.DictReader(io.StringIO(csv_of(bill)))}
    assert cells == {("'=Leads", str(batch.pk)), ("", "")}
    assert "Batches" in [table.title for table in shown(bill).tables]
    assert_books_hold()
    month.book_late()
    usual = Scope(month.cast.viewer, simulated=False, month=this_month())
    assert [key for key, sums in sums_of(usual, ("batch",)).items() if sums.counter_lines] == [(batch.pk,)]


def test_waste_prices_and_late_figures_are_kept(month: Month) -> None:
    found = head_of(close_month(month.cast.owner, month.month))
    waste = {row["reason"]: (row["calls"], nusd(row["known_cost_usd"]), row["runs"]) for row in found["waste"]}
    assert waste == {
        "failed": (1, 600_000, 1),
        "retry": (1, 750_000, 1),
        "duplicate": (1, 750_000, 1),
        "failed_run": (2, 750_000, 1),
    }
    dearest = {run for row in found["waste"] for run in row["dearest_runs"]}
    assert dearest <= {str(pk) for pk in Run.objects.values_list("pk", flat=True)}
    prices = {(row["model"], row["input_usd_per_mtok"], row["source"]): row["calls"] for row in found["prices"]}
    assert prices == {("gpt-4o", "2.5", "the team's own"): 7, ("acme-7b", None, None): 1}
    assert sum(row["booked_as_stated"] for row in found["prices"]) == 1
    late = found["late_figures"]
    assert (late["count"], late["difference_usd"], len(late["items"])) == (1, "-0.00015", 1)


def test_nothing_changes_the_bytes_of_a_closed_bill(month: Month) -> None:
    cast = month.cast
    bill = close_month(cast.owner, month.month)
    before = text_of(bill), csv_of(bill), shown(bill)
    PriceQuote.objects.update(input_usd_per_mtok=99)
    Call.objects.filter(state="ok").update(input_usd_per_mtok=99, model="renamed", agent="renamed")
    month.crew.__class__.objects.update(name="Renamed")
    User.objects.update(name="Renamed")
    Team.objects.filter(pk=cast.team.pk).update(name="Renamed")
    ApiToken.objects.all().delete()
    Membership.objects.filter(user=cast.runner.user).delete()
    Run.objects.filter(created_by=cast.runner.user).update(created_by=None)
    cast.runner.user.delete()
    Run.objects.filter(finished_at__isnull=False).update(finished_at=timezone.now() - timedelta(days=400))
    assert remove_older(Team.objects.get(pk=cast.team.pk), days=1)
    month.book_late()
    bill = ClosedBill.objects.get(pk=bill.pk)
    assert Correction.objects.filter(call=month.lost).exists()
    assert (text_of(bill), csv_of(bill), shown(bill)) == before
    assert hashlib.sha256(text_of(bill).encode()).hexdigest() == bill.sha256


def test_what_comes_later_is_a_counter_line_of_the_present_month(month: Month, monkeypatch: pytest.MonkeyPatch) -> None:
    old = close_month(month.cast.owner, month.month)
    month.book_late()
    assert_books_hold()
    token = ApiToken.objects.get()
    monkeypatch.setattr("runs.closing.actions.this_month", lambda: month_after(this_month()))
    month.cast.runner.user.delete()
    bill = close_month(month.cast.owner, this_month())
    found = json.loads(text_of(bill))
    line = found["lines"][0]
    assert (line["kind"], line["of_month"], line["of_bill"]) == ("counter-line", f"{month.month:%Y-%m}", old.number)
    assert (line["booked_usd"], line["exact_usd"], line["cost_usd"]) == ("0.0006", "0.0001", "-0.0005")
    assert (line["call"], bill.number, bill.total_nusd) == (str(month.lost.pk), 2, -500_000)
    assert (line["person"], line["person_email"], line["api_token"]) == (GONE, None, f"-nightly {token.prefix}…")
    assert (line["run_state"], line["cost_class"]) == ("failed", "duplicate")
    assert line["day"] == f"{Correction.objects.get(call=month.lost).made_at:%Y-%m-%d}", "on which it came"
    assert (found["total_usd"], found["calls_usd"], found["counter_lines_usd"]) == ("-0.0005", "0", "-0.0005")
    assert set(found["by"]) == {*DIMENSIONS, "label customer"}
    for name, rows in found["by"].items():
        assert [(row["known_cost_usd"], row["calls"], row["counter_lines"]) for row in rows] == [("-0.0005", 0, 1)], (
            name
        )
    assert [(row["reason"], row["known_cost_usd"], row["runs"]) for row in found["waste"]] == [
        ("duplicate", "-0.0005", 0)
    ]
    (row,) = list(csv.DictReader(io.StringIO(csv_of(bill))))
    assert (row["day"], row["run_state"], row["person"]) == (line["day"], "failed", GONE)
    assert old.total_nusd + bill.total_nusd == sum(call.cost_nusd or 0 for call in real()), "months sum to the ledger"
    assert_books_hold()
    Call.objects.filter(pk=month.lost.pk).update(cost_nusd=100_001)
    assert [finding.name for finding in look(["counter_lines"]) if finding.count] == ["counter_lines"]


def test_the_dearest_labels_and_values_are_frozen_and_the_others_are_one_sum(
    month: Month, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A program may give each of its runs names and values of its own."""
    monkeypatch.setattr("runs.closing.details.MOST_LABELS", 2)
    monkeypatch.setattr("runs.closing.details.MOST_VALUES", 2)
    for number in range(1, 6):
        run = month._run(month.crew, metadata={"order": number, f"own {number}": None})
        month._call(run, 15, cost_nusd=number * 1_000_000_000)
    month.sum_up()
    bill = close_month(month.cast.owner, month.month)
    by = head_of(bill)["by"]
    assert {name for name in by if name.startswith("label ")} == {"label order", "label own 5"}
    assert [(row["name"], row["calls"], row.get("values")) for row in by["label order"]] == [
        *(("5", 1, None), ("4", 1, None), (None, 9, None), ("others", 3, 3))
    ]
    assert by["label order"][-1]["known_cost_usd"] == "6"
    for name in ("label order", "label own 5"):
        assert sum(nusd(row["known_cost_usd"]) for row in by[name]) == bill.total_nusd
    assert [row["name"] for row in by["label own 5"]] == [None, "null"], "without the label, and with nothing in it"
    assert len(json.loads(text_of(bill))["lines"][0]["labels"]) <= 2, "lines have them all"
    orders = next(table for table in shown(bill).tables if table.title == "Label “order”")
    assert [row.name for row in orders.rows] == ["5", "4", "without order", "3 others"]


def test_adding_up_many_lines_ends_when_its_time_is_over(month: Month, monkeypatch: pytest.MonkeyPatch) -> None:
    """The loop over the lines asks nothing of the database, which would end it."""
    monkeypatch.setattr("runs.closing.actions.LINES_AT_ONCE", 1)
    asked = []

    @contextmanager
    def a_moment(*_: Any, **__: Any) -> Iterator[Any]:
        def go_on() -> None:
            asked.append(ClosedLine.objects.count())
            if len(asked) > 5:
                raise Invalid("too long", code="took_too_long")

        yield go_on

    monkeypatch.setattr("runs.closing.actions.query_time", a_moment)
    with pytest.raises(Invalid, match="too long"):
        close_month(month.cast.owner, month.month)
    assert asked[-1], "the lines were written"
    assert not ClosedBill.objects.exists()
    assert not ClosedLine.objects.exists()


@pytest.mark.parametrize("table", ["closedbill", "closedline", "closingentry"])
def test_the_database_refuses_to_change_or_remove_it(month: Month, table: str) -> None:
    close_month(month.cast.owner, month.month)
    with connection.cursor() as cursor:
        for change in (f"UPDATE runs_{table} SET id = id + 1", f"DELETE FROM runs_{table}"):
            with pytest.raises(DatabaseError, match="a closed bill is never changed"), transaction.atomic():
                cursor.execute(change)


@pytest.mark.parametrize("field", ["spent_nusd = 1", "reserved_nusd = 1", "closed_at = NULL"])
def test_a_closed_bill_is_not_spent_from_nor_opened_again(month: Month, field: str) -> None:
    close_month(month.cast.owner, month.month)
    with pytest.raises(DatabaseError, match="is closed"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"UPDATE runs_bill SET {field} WHERE closed_at IS NOT NULL")


def test_a_made_up_team_is_removed_with_its_closed_bills(month: Month) -> None:
    close_month(month.cast.owner, month.month)
    Team.objects.filter(pk=month.cast.team.pk).update(is_demo=True)
    team = Team.objects.get(pk=month.cast.team.pk)
    while remove_some_runs(team):
        pass
    remove_team(team)
    assert not ClosedBill.objects.exists()
    assert not ClosedLine.objects.exists()
    assert not ClosingEntry.objects.exists()


# --- Refused ---------------------------------------------------------------------------------------------------------
def refusal(month: Month, which: Any = None) -> Conflict:
    with pytest.raises(Conflict) as refused:
        close_month(month.cast.owner, which or month.month)
    return refused.value


def test_a_month_that_still_runs_or_is_to_come_is_not_closed(month: Month) -> None:
    for which in (this_month(), month_after(this_month())):
        found = refusal(month, which)
        assert found.code == "month_not_over"
        assert f"{month_after(which):%Y-%m-%d} 00:00 UTC" in found.message
    assert not ClosedBill.objects.exists()


def test_a_month_is_closed_once(month: Month) -> None:
    close_month(month.cast.owner, month.month)
    found = refusal(month)
    assert found.code == "already_closed"
    assert "bill No. 1" in found.message
    assert ClosedBill.objects.count() == ClosingEntry.objects.count() == 1


def test_a_month_without_a_bill_is_not_closed(month: Month) -> None:
    assert refusal(month, month.month.replace(year=2020)).code == "no_bill"


def test_below_an_owner_nobody_closes_a_month(month: Month) -> None:
    with pytest.raises(PermissionDenied, match="owner"):
        close_month(month.cast.editor, month.month)


def test_open_calls_are_named_with_their_runs_and_until_when(month: Month) -> None:
    opened = {"billed_month": month.month, "task": None}
    model = open_call(month.live, step=50, started_at=day_of(month.month, 20), **opened)
    tool = open_call(month.live, step=51, kind="tool", tool="search", model="", **opened)
    ended = Run.objects.get(state=RunState.FAILED)
    left = open_call(ended, step=52, **opened)
    open_call(month.live, step=53, simulated=True, **opened)
    found = refusal(month)
    assert found.code == "open_calls"
    assert set(found.fields) == {f"calls.{call.pk}" for call in (model, tool, left)}
    assert "3 calls" in found.message
    until = (day_of(month.month, 20) + timedelta(seconds=600)).isoformat().replace("+00:00", "Z")
    assert f"run {month.live.pk}" in found.fields[f"calls.{model.pk}"]
    assert until in found.fields[f"calls.{model.pk}"]
    assert "its tool answers" in found.fields[f"calls.{tool.pk}"]
    assert "its run has ended" in found.fields[f"calls.{left.pk}"]
    assert not ClosedBill.objects.exists()
    assert Bill.objects.get(month=month.month).closed_at is None


def test_books_that_do_not_add_up_are_not_closed(month: Month) -> None:
    Bill.objects.filter(month=month.month).update(spent_nusd=1)
    assert "check_invariants" in refusal(month).message
    assert not ClosedLine.objects.exists()


# --- Files -----------------------------------------------------------------------------------------------------------
def test_csv_and_json_parse_back_to_the_same_figures(month: Month) -> None:
    make_call(month.live, step=60, billed_month=month.month, cost_nusd=123_456_789_012_345_678, model="dear")
    month.sum_up()
    bill = close_month(month.cast.owner, month.month)
    lines = json.loads(text_of(bill))["lines"]
    rows = list(csv.DictReader(io.StringIO(csv_of(bill))))
    assert len(rows) == len(lines)
    for row, line in zip(rows, lines, strict=True):
        assert row["cost_usd"] == (line["cost_usd"] or "unpriced")
        assert row["known_cost_usd"] == line["known_cost_usd"]
        assert [row[name] for name in ("day", "agent", "cost_class")] == [
            line[n] for n in ("day", "agent", "cost_class")
        ]
        assert row["calls"] == str(line["calls"])
    assert "123456789.012345678" in {row["cost_usd"] for row in rows}
    assert {row["crew"] for row in rows} == {"Company brief", "'=Other «crew»"}, "no formula"
    assert sum(nusd(row["known_cost_usd"]) for row in rows) == bill.total_nusd


def test_a_second_currency_stands_beside_the_dollars_and_not_in_the_bill(month: Month) -> None:
    bill = close_month(month.cast.owner, month.month)
    before = text_of(bill)
    rate = rate_of({"currency": "eur", "rate": "0.92"})
    assert rate
    rows = list(csv.DictReader(io.StringIO(csv_of(bill, rate))))
    column = "known_cost_in_EUR_at_0.92"
    assert sum(Decimal(row[column]) for row in rows) == Decimal(bill.total_nusd) / 10**9 * Decimal("0.92")
    assert shown(bill, rate).other_total == rate.shown(head_of(bill)["total_usd"])
    assert text_of(bill) == before


@pytest.mark.parametrize(
    ("currency", "rate", "field"),
    [("EURO", "1", "currency"), ("USD", "1", "currency"), ("EUR", "0", "rate"), ("EUR", "-1", "rate")]
    + [("EUR", typed, "rate") for typed in ("", "1e5", "NaN", "1000001", "0,92", "٣", "0.12345678901")]
    + [("", "0.9", "currency")],
)
def test_a_rate_that_is_none_is_refused(currency: str, rate: str, field: str) -> None:
    with pytest.raises(Invalid) as refused:
        rate_of({"currency": currency, "rate": rate})
    assert field in refused.value.fields


def test_last_month_is_last_month(month: Month) -> None:
    assert month_after(last_month()) == this_month()
