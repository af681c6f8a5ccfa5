"""Closing by page and by API, and the closed bill as both give it."""

from __future__ import annotations

import csv
import hashlib
import io

import pytest
from django.test import Client

from runs.closing.document import document
from runs.models import ClosedBill, ClosingEntry
from teams.access import Principal
from teams.actions import issue_token
from teams.models import Scope
from tests.cast import Cast
from tests.runs.books import open_call, this_month
from tests.runs.closing.months import Month

pytestmark = pytest.mark.django_db


@pytest.fixture
def month(cast: Cast) -> Month:
    return Month(cast)


def browser(who: Principal) -> Client:
    client = Client()
    client.force_login(who.user)
    return client


def program(who: Principal, scope: str = Scope.ADMIN) -> Client:
    _, secret = issue_token(who, scope=scope, name="books")
    return Client(headers={"Authorization": f"Bearer {secret}"})


def test_an_owner_confirms_what_is_closed_and_finds_the_bill(month: Month) -> None:
    client, name = browser(month.cast.owner), f"{month.month:%Y-%m}"
    asked = " ".join(client.get(f"/t/acme/bills/{name}/close/").content.decode().split())
    assert "0.004350001 USD" in asked
    assert "1 call has no known price and is not in this sum" in asked
    assert "1 call is booked at the most" in asked
    answer = client.post(f"/t/acme/bills/{name}/close/")
    assert answer.headers["Location"] == f"/t/acme/bills/{name}/document/"
    page = client.get(answer.headers["Location"]).content.decode()
    bill = ClosedBill.objects.get()
    assert f"Bill No. {bill.number}" in page
    assert "0.004350001" in page
    assert bill.sha256 in page
    assert "=Other «crew»" in page
    again = client.post(f"/t/acme/bills/{name}/close/")
    assert again.status_code == 409
    assert "was closed at" in again.content.decode()
    assert client.get(f"/t/acme/bills/{name}/close/").status_code == 302
    log = client.get("/t/acme/bills/closed/").content.decode()
    assert "owner@example.com" in log
    assert bill.sha256 in log


def test_the_page_says_what_is_open_and_offers_nothing(month: Month) -> None:
    open_call(month.live, step=50, billed_month=month.month)
    page = browser(month.cast.owner).get(f"/t/acme/bills/{month.month:%Y-%m}/close/").content.decode()
    assert str(month.live.pk) in page
    assert "the model answers, or its time is over" in page
    assert "for ever" not in page
    answer = browser(month.cast.owner).post(f"/t/acme/bills/{month.month:%Y-%m}/close/")
    assert answer.status_code == 409
    assert "1 call of" in answer.content.decode()
    assert not ClosedBill.objects.exists()


def test_the_running_month_is_not_closed_on_a_page(month: Month) -> None:
    page = browser(month.cast.owner).get(f"/t/acme/bills/{this_month():%Y-%m}/close/").content.decode()
    assert "is not over" in page
    assert browser(month.cast.editor).get(f"/t/acme/bills/{this_month():%Y-%m}/close/").status_code == 403
    assert browser(month.cast.owner).get("/t/acme/bills/2026-13/close/").status_code == 404
    assert browser(month.cast.owner).get(f"/t/acme/bills/{month.month:%Y-%m}/document/").status_code == 404


def test_the_api_closes_a_month_and_gives_the_same_bytes(month: Month) -> None:
    client, path = program(month.cast.owner), f"/api/v1/bills/{month.month:%Y-%m}"
    assert program(month.cast.owner, Scope.RUN).post(f"{path}/close").status_code == 403
    closed = client.post(f"{path}/close", headers={"Idempotency-Key": "one"})
    assert closed.status_code == 201
    assert closed.json()["total_usd"] == "0.004350001"
    assert client.post(f"{path}/close", headers={"Idempotency-Key": "one"}).json() == closed.json()
    again = client.post(f"{path}/close")
    assert (again.status_code, again.json()["error"]["code"]) == (409, "already_closed")
    bill = ClosedBill.objects.get()
    found = client.get(f"{path}/document").content
    assert found == "".join(document(bill)).encode()
    assert hashlib.sha256(found).hexdigest() == closed.json()["sha256"]
    page = browser(month.cast.viewer)
    assert page.get(f"/t/acme/bills/{month.month:%Y-%m}/document.json").content == found
    lines = client.get(f"{path}/document", headers={"Accept": "text/csv"})
    assert lines.content == page.get(f"/t/acme/bills/{month.month:%Y-%m}/document.csv").content
    rows = list(csv.DictReader(io.StringIO(lines.content.decode())))
    assert {row["bill"] for row in rows} == {"1"}
    entry = client.get("/api/v1/bills/closed").json()["items"][0]
    assert (entry["number"], entry["closed_by"]) == (1, "owner@example.com")
    assert entry["api_token"] == str(ClosingEntry.objects.get().by_token)
    assert client.post("/api/v1/bills/2026-13/close").status_code == 422
    assert program(month.cast.stranger).get(f"{path}/document").status_code == 404


def test_a_refusal_names_the_open_calls_to_a_program(month: Month) -> None:
    call = open_call(month.live, step=50, billed_month=month.month)
    answer = program(month.cast.owner).post(f"/api/v1/bills/{month.month:%Y-%m}/close")
    assert answer.status_code == 409
    assert list(answer.json()["error"]["fields"]) == [f"calls.{call.pk}"]
    running = program(month.cast.owner).post(f"/api/v1/bills/{this_month():%Y-%m}/close")
    assert (running.status_code, running.json()["error"]["code"]) == (409, "month_not_over")


def test_a_second_currency_is_labelled_and_a_wrong_rate_stays_as_typed(month: Month) -> None:
    client, path = browser(month.cast.owner), f"/t/acme/bills/{month.month:%Y-%m}"
    client.post(f"{path}/close/")
    page = client.get(f"{path}/document/?currency=eur&rate=0.92").content.decode()
    assert "1 USD = 0.92 EUR" in page
    assert "0.0040" in page
    wrong = client.get(f"{path}/document/?currency=eur&rate=<b>")
    assert wrong.status_code == 422
    assert 'value="&lt;b&gt;"' in wrong.content.decode()
    assert "known_cost_in_EUR_at_0.92" in client.get(f"{path}/document.csv?currency=EUR&rate=0.92").content.decode()
    assert client.get(f"{path}/document.csv?currency=EUR&rate=x").status_code == 422
