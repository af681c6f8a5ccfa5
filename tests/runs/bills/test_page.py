"""A month's page, its calls, its file: the same figures everywhere, and each link leads to what sums to its figure."""

from __future__ import annotations

import csv
import io
import re
from contextlib import ExitStack
from datetime import UTC, date, datetime
from decimal import Decimal
from html import unescape
from typing import Any
from urllib.parse import parse_qsl, urlencode

import pytest
from django.test import Client
from django.utils import timezone
from django.utils.html import strip_tags

from agents_app.models import Crew
from runs.bill_sums.dimensions import DIMENSIONS
from runs.bills.asked import asked
from runs.bills.bounds import PLACES
from runs.bills.calls import behind
from runs.bills.months import month_lines
from runs.bills.page import BillPage, bill_page
from runs.ledger import rollups
from runs.models import Bill, Call, Correction
from runs.models.call import CALL_PARTS
from runs.money import to_nusd, usd_text
from runs.states import CostClass, RunState
from teams.refusals import Invalid
from tests.cast import Cast, make_crew
from tests.ledger import make_call, make_run
from tests.teams.api.test_if_match import Api

pytestmark = pytest.mark.django_db

SEPTEMBER, OCTOBER = date(2026, 9, 1), date(2026, 10, 1)
TOTAL = 5_000_000_000 + 70_000_000 + 3_000_000 - 1_000


@pytest.fixture
def crew(cast: Cast) -> Crew:
    """Its October: work for two customers, a retry, a failed run, a call without a price, and a counter-line."""
    crew = make_crew(cast.editor)
    alder = make_run(cast.runner, crew, metadata={"customer": "Alder & Sons"})
    kestrel = make_run(cast.editor, crew, metadata={"customer": "Kestrel"})
    failed = make_run(cast.runner, crew, state=RunState.FAILED)
    _call(alder, 1, cost_nusd=4_000_000_000)
    _call(kestrel, 2, cost_nusd=1_000_000_000, model="o4-mini", agent="news")
    _call(kestrel, 3, cost_nusd=70_000_000, cost_class=CostClass.RETRY)
    _call(failed, 4, cost_nusd=3_000_000)
    _call(alder, 5, cost_nusd=None, model="acme-7b")
    _call(alder, 6, cost_nusd=9_000_000_000, simulated=True)
    old = _call(kestrel, 7, cost_nusd=2_000_000_000, month=SEPTEMBER)
    Correction.objects.create(call=old, booked_nusd=2_000_001_000, cost_nusd=2_000_000_000, month=OCTOBER)
    Bill.objects.create(
        team=cast.team, month=SEPTEMBER, spent_nusd=2_000_001_000, closed_at=datetime(2026, 10, 2, tzinfo=UTC)
    )
    Bill.objects.create(team=cast.team, month=OCTOBER, spent_nusd=TOTAL, budget_nusd=10_000_000_000)
    rollups.rebuild(cast.team.pk)
    return crew


def _call(run: Any, step: int, *, month: date = OCTOBER, **fields: Any) -> Call:
    moment = datetime(month.year, month.month, step, 12, tzinfo=UTC)
    return make_call(run, step=step, billed_month=month, started_at=moment, finished_at=moment, **fields)


def page_of(cast: Cast, **query: str) -> BillPage:
    return bill_page(cast.viewer, OCTOBER, asked(query), simulated=False)


def test_the_total_is_what_the_bill_booked_and_everything_on_the_page_sums_to_it(cast: Cast, crew: Crew) -> None:
    page = page_of(cast, over="label:customer")
    assert page.standing is not None
    assert page.total.spent_nusd == page.standing.spent_nusd == TOTAL
    assert sum(line.sums.spent_nusd for line in page.classes) == TOTAL
    assert sum(line.sums.spent_nusd for line in page.parts) == TOTAL
    assert {line.values[0].code: line.sums.spent_nusd for line in page.waste} == {
        "retry": 70_000_000,
        "failed_run": 3_000_000,
    }
    assert (page.requests.calls, page.requests.unpriced_calls) == (5, 1)
    assert [line.values[0].code for line in page.unpriced] == ["acme-7b"]
    assert [(line.nusd, line.own_month) for line in page.counter_lines] == [(-1000, SEPTEMBER)]
    assert page.why is not None
    assert sum(part.nusd for part in page.why.parts) == TOTAL - 2_000_001_000
    assert page.charges is not None
    assert page.charges.cents == sum(row.cents for row in page.charges.rows) == 507


@pytest.mark.parametrize("by", [*DIMENSIONS, "part", "label:customer"])
def test_rows_and_cells_sum_to_the_total_whatever_divides_it(cast: Cast, crew: Crew, by: str) -> None:
    for second in ("", "model", "label:customer", "part"):
        pivot = page_of(cast, by=by, **{"and": second}).pivot
        assert sum(row.sums.spent_nusd for row in pivot.rows) + pivot.rest_nusd == TOTAL
        if len(pivot.by) == 2:
            assert sum(cell.spent_nusd for cell in pivot.totals) == TOTAL
            for row in pivot.rows:
                assert sum(cell.spent_nusd for cell in row.cells if cell) == row.sums.spent_nusd


def test_parts_divide_money_alone_and_nothing_is_made_up(cast: Cast, crew: Crew) -> None:
    """A call without a price is of the part that is not divided: as a rest it made a column of others."""
    Call.objects.filter(cost_nusd=4_000_000_000).update(
        **dict.fromkeys((f"{part}_nusd" for part in CALL_PARTS), 0) | {"prompt_nusd": 4_000_000_000}
    )
    rollups.rebuild(cast.team.pk)
    pivot = page_of(cast, by="model", **{"and": "part"}).pivot
    assert [column.code for column in pivot.columns] == ["prompt", "whole"]
    assert (pivot.has_others, [cell.unpriced_calls for cell in pivot.totals]) == (False, [0, 1])
    (unpriced,) = [row for row in pivot.rows if row.value.code == "acme-7b"]
    assert [cell and (cell.spent_nusd, cell.unpriced_calls) for cell in unpriced.cells] == [None, (0, 1)]
    parts = page_of(cast).parts
    assert {line.values[0].code: line.sums.calls for line in parts} == {"prompt": 0, "whole": 0}


def test_a_month_is_held_against_the_calendar_month_before(cast: Cast, crew: Crew, client: Client) -> None:
    """Of a month without calls the one before is nothing, whatever an earlier one was."""
    november, december = date(2026, 11, 1), date(2026, 12, 1)
    _call(make_run(cast.runner, crew), 1, month=december, cost_nusd=30_000_000)
    rollups.rebuild(cast.team.pk)
    page = bill_page(cast.viewer, december, asked({}), simulated=False)
    assert (page.before_month, page.before_is_empty) == (november, True)
    assert page.why is not None
    assert (page.why.before_nusd, page.why.difference_nusd) == (0, 30_000_000)
    assert sum(part.nusd for part in page.why.parts) == 30_000_000
    lines = {line.month: line.before_nusd for line in month_lines(cast.viewer, simulated=False)}
    assert (lines[december], lines[OCTOBER], lines[SEPTEMBER]) == (0, 2_000_001_000, None)
    assert bill_page(cast.viewer, SEPTEMBER, asked({}), simulated=False).why is None
    client.force_login(cast.viewer.user)
    first = " ".join(strip_tags(client.get("/t/acme/bills/2026-09/?money=real").content.decode()).split())
    assert "$2.00. There is no earlier month" in first


def test_a_bill_is_bounded(cast: Cast, crew: Crew, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    client.force_login(cast.viewer.user)
    pages = ("2026-10/", "2026-10.csv", "2026-10.csv?table=charges&over=person", "")
    with ExitStack() as others:
        for _ in range(3):
            others.enter_context(PLACES.one())
        monkeypatch.setattr(PLACES, "_patience_s", 0)
        for page in pages:
            answer = client.get(f"/t/acme/bills/{page}")
            assert (answer.status_code, "Try again" in answer.content.decode()) == (429, True), page
            assert answer["Retry-After"] == "10"
    monkeypatch.setattr("runs.bills.lines.MOST_LINES", 1)
    for page in pages[:-1]:
        answer = client.get(f"/t/acme/bills/{page}")
        assert (answer.status_code, "more than 1 lines" in answer.content.decode()) == (422, True), page
    monkeypatch.setattr("runs.bills.bounds.SECONDS", 0)
    for page in pages:
        answer = client.get(f"/t/acme/bills/{page}")
        assert (answer.status_code, "took too long" in answer.content.decode()) == (422, True), page


def test_every_link_of_the_page_leads_to_calls_that_sum_to_its_figure(cast: Cast, crew: Crew, client: Client) -> None:
    for by in DIMENSIONS:
        for row in page_of(cast, by=by).pivot.rows:
            _same(cast, {by: row.value.code}, row.sums.spent_nusd)
    pivot = page_of(cast, by="label:customer", **{"and": "model"}).pivot
    for row in pivot.rows:
        for column, cell in zip(pivot.columns, row.cells, strict=True):
            if cell:
                _same(cast, {"label:customer": row.value.code, "model": column.code}, cell.spent_nusd)
    client.force_login(cast.viewer.user)
    html = client.get("/t/acme/bills/2026-10/?money=real").content.decode()
    linked = 0
    for link, words in re.findall(r'href="/t/acme/bills/2026-10/calls/\?([^"]*)"[^>]*>(.*?)</a>', html, re.DOTALL):
        only = dict(parse_qsl(unescape(link), keep_blank_values=True))
        assert only.pop("money") == "real"
        answer = client.get(f"/t/acme/bills/2026-10/calls/?{unescape(link)}")
        assert answer.status_code == 200
        if figure := re.search(r'title="(−?)\$([0-9,.]+)"', words):
            linked += 1
            _same(cast, only, to_nusd(Decimal(figure[2].replace(",", ""))) * (-1 if figure[1] else 1))
            assert figure[0] in answer.content.decode(), "which stands above the calls"
    assert linked > 6


def _same(cast: Cast, only: dict[str, str], nusd: int) -> None:
    found = behind(cast.viewer, OCTOBER, only, simulated=False)
    calls = sum(call.cost_nusd or 0 for call in found.page.items)
    assert found.sums.spent_nusd == nusd == calls + sum(line.nusd for line in found.counter_lines)
    assert found.calls_nusd == calls


def test_the_calls_behind_a_figure_come_by_api(cast: Cast, crew: Crew, subtests: Any) -> None:
    api = Api(cast)
    for only in ({}, {"model": "o4-mini"}, {"label:customer": "Alder & Sons"}):
        with subtests.test(str(only)):
            found = behind(cast.viewer, OCTOBER, only, simulated=False)
            items, cursor = [], ""
            while True:
                query = urlencode({**only, "limit": 1, "cursor": cursor})
                answer = api.ask("GET", f"/bills/2026-10/calls?{query}").json()
                items, cursor = [*items, *answer["items"]], answer["next"] or ""
                if not cursor:
                    break
            assert [item["id"] for item in items] == [str(call.pk) for call in found.page.items]
            assert [item["cost_usd"] for item in items] == [usd_text(call.cost_nusd) for call in found.page.items]
            assert (answer["total"]["cost_usd"], answer["calls_usd"]) == tuple(
                map(usd_text, (found.sums.spent_nusd, found.calls_nusd))
            )
    assert api.ask("GET", "/bills/2099-01/calls").status_code == 404
    assert api.ask("GET", "/bills/2026-10/calls?cursor=x").json()["error"]["fields"].keys() == {"cursor"}


def test_narrowing_to_a_customer_tells_its_own_figures(cast: Cast, crew: Crew, client: Client) -> None:
    page = page_of(cast, **{"label:customer": "Alder & Sons"})
    assert page.total.spent_nusd == 4_000_000_000
    assert page.budget is None
    client.force_login(cast.viewer.user)
    html = client.get("/t/acme/bills/2026-10/?label:customer=Alder+%26+Sons").content.decode()
    assert "customer: Alder &amp; Sons" in html


def test_a_narrowed_month_says_of_what_it_speaks(cast: Cast, crew: Crew, client: Client) -> None:
    client.force_login(cast.viewer.user)

    def words(path: str) -> str:
        return " ".join(strip_tags(client.get(f"/t/acme/bills/{path}").content.decode()).split())

    assert "The total below is the same. Names, cost classes" in words("2026-09/?money=real")
    narrowed = words("2026-09/?money=real&model=gpt-4o")
    assert "the closed bill. Names, cost classes" in narrowed
    new = words("2026-10/?money=real&model=o4-mini")
    assert "$1.00 more than September, when nothing of this was spent:" in new
    assert "Against September 2026, which has no call of this" in new
    calls = words("2026-10/calls/?money=real")
    assert "1 of the calls has no known price and is not in this sum." in calls


def test_simulated_months_have_no_budget(cast: Cast, crew: Crew) -> None:
    cast.team.budget_nusd = 5_000_000_000
    cast.team.save()
    present = [month_lines(cast.viewer, simulated=simulated)[0] for simulated in (False, True)]
    assert [(line.is_present, line.budget_nusd) for line in present] == [(True, 5_000_000_000), (True, None)]


def test_real_and_simulated_money_are_never_added_up(cast: Cast, crew: Crew, client: Client) -> None:
    made_up = bill_page(cast.viewer, OCTOBER, asked({}), simulated=True)
    assert (made_up.total.spent_nusd, made_up.standing, made_up.total.counter_lines) == (9_000_000_000, None, 0)
    client.force_login(cast.viewer.user)
    client.get("/t/acme/bills/?money=simulated")
    assert "$9.00" in client.get("/t/acme/bills/2026-10/").content.decode(), "the choice is remembered"


def test_the_file_and_the_api_tell_the_pages_figures(cast: Cast, crew: Crew, client: Client) -> None:
    client.force_login(cast.viewer.user)
    for query in ("", "lines=all&", "by=part&", "by=label:customer&and=day&"):
        text = client.get(f"/t/acme/bills/2026-10.csv?{query}money=real").content.decode()
        rows = list(csv.DictReader(io.StringIO(text)))
        assert sum(to_nusd(Decimal(row["spent_usd"])) for row in rows) == TOTAL
    charged = client.get("/t/acme/bills/2026-10.csv?table=charges&over=label:customer").content.decode()
    rows = list(csv.DictReader(io.StringIO(charged)))
    assert sum(Decimal(row["charged_usd"]) for row in rows) == Decimal("5.07")
    for row in rows:
        own, shared, rounding = (Decimal(row[name]) for name in ("own_usd", "shared_usd", "rounding_usd"))
        assert own + shared + rounding == Decimal(row["charged_usd"])
    assert sum(to_nusd(Decimal(row["own_usd"]) + Decimal(row["shared_usd"])) for row in rows) == TOTAL
    assert client.get("/t/acme/bills/2026-10.csv?table=charges").status_code == 422


def test_what_makes_no_sense_is_said_and_the_whole_month_shown(cast: Cast, crew: Crew, client: Client) -> None:
    client.force_login(cast.viewer.user)
    for query, words in (
        ("by=colour", "nothing that a bill is divided by"),
        ("crew=nope", "There is no crew"),
        ("version=x@y", "There is no version"),
        ("day=yesterday", "There is no day"),
        ("person=x", "There is no person"),
        ("over=crews", "nothing that a bill is divided by"),
        ("weigh=luck&over=person", "cost, calls or equal"),
        ("over=label:customer&shared=nope", "There is no crew"),
        ("&".join(f"label:{number}=x" for number in range(11)), "by 10 dimensions at most"),
    ):
        answer = client.get(f"/t/acme/bills/2026-10/?{query}")
        assert (answer.status_code, words in answer.content.decode()) == (422, True), query
        assert "$5.07" in answer.content.decode()
    for month in ("2026-13", "2026-1", "1999-01", "9999-01", "november", "2026-10-01"):
        assert client.get(f"/t/acme/bills/{month}/").status_code == 404, month
    assert client.get("/t/acme/bills/2026-10/calls/?crew=nope").status_code == 422
    assert client.get("/t/acme/bills/2026-10/calls/?cursor=x").status_code == 422
    many = "&".join(f"label:{number}=x" for number in range(11))
    assert client.get(f"/t/acme/bills/2026-10/calls/?{many}").status_code == 422
    shared = client.get("/t/acme/bills/2026-10.csv?table=charges&over=person&shared=nope")
    assert (shared.status_code, "There is no crew" in shared.content.decode()) == (422, True)
    with pytest.raises(Invalid):
        behind(cast.viewer, OCTOBER, {"token": "x"}, simulated=False)


def test_a_spreadsheet_takes_no_label_for_a_formula(cast: Cast, client: Client) -> None:
    run = make_run(cast.runner, make_crew(cast.editor), metadata={"customer": "=HYPERLINK(1)", "<b>": "<i>"})
    _call(run, 1)
    rollups.rebuild(cast.team.pk)
    client.force_login(cast.viewer.user)
    text = client.get("/t/acme/bills/2026-10.csv?by=label:customer&money=real").content.decode()
    assert "'=HYPERLINK(1)" in text
    html = client.get("/t/acme/bills/2026-10/?by=label:%3Cb%3E&money=real").content.decode()
    assert "<i>" not in html
    assert "&lt;i&gt;" in html


def test_calls_come_in_pages(cast: Cast, crew: Crew) -> None:
    run = make_run(cast.runner, crew, metadata={"customer": "many"})
    for step in range(130):
        _call(run, 8, attempt=step + 1, state="error", cost_nusd=1)
    rollups.rebuild(cast.team.pk)
    only = {"label:customer": "many"}
    first = behind(cast.viewer, OCTOBER, only, simulated=False)
    second = behind(cast.viewer, OCTOBER, only, simulated=False, cursor=first.page.next)
    assert [len(one.page.items) for one in (first, second)] == [100, 30]
    assert len({call.pk for one in (first, second) for call in one.page.items}) == 130
    back = behind(cast.viewer, OCTOBER, only, simulated=False, cursor=second.page.previous)
    assert [call.pk for call in back.page.items] == [call.pk for call in first.page.items]


def test_others_see_nothing_of_it(cast: Cast, crew: Crew, client: Client) -> None:
    client.force_login(cast.stranger.user)
    for path in ("bills/", "bills/2026-10/", "bills/2026-10/calls/", "bills/2026-10.csv"):
        assert client.get(f"/t/acme/{path}").status_code == 404
    assert bill_page(cast.stranger, OCTOBER, asked({}), simulated=False).total.calls == 0
    with pytest.raises(Invalid):
        behind(cast.stranger, OCTOBER, {"crew": crew.slug}, simulated=False)


def test_a_page_makes_few_queries_and_an_empty_month_says_so(
    cast: Cast, client: Client, crew: Crew, django_assert_max_num_queries: Any
) -> None:
    client.force_login(cast.viewer.user)
    with django_assert_max_num_queries(28):
        assert client.get("/t/acme/bills/2026-10/?over=label:customer&by=person&and=label:customer").status_code == 200
    html = client.get(f"/t/acme/bills/{timezone.now():%Y-%m}/?money=real").content.decode()
    assert "Nothing real yet" in html
    months = client.get("/t/acme/bills/?money=real").content.decode()
    assert "closed 2 Oct 2026" in months
    assert "$5.07" in months
