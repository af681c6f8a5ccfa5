"""Uploads, what is kept of them, pages, API and CSV: the same figures everywhere, and nothing half done."""

from __future__ import annotations

import csv
import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from io import StringIO
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from crewsite.serving.body_limits import most_bytes
from runs.models import Call, Correction, Corrects, ExportColumns, Reconciliation, TheirKey
from runs.reconciliation import actions
from runs.reconciliation.actions import MAX_EXPORT_BYTES
from runs.reconciliation.page import PLACES, Check
from runs.reconciliation.queries import our_cells, their_keys
from teams.actions import add_provider, issue_token
from teams.models import Scope
from teams.refusals import Invalid
from tests.cast import Cast, make_crew
from tests.ledger import make_call, make_run
from tests.pages import html, signed_in
from tests.runs.reconciliation import exports

pytestmark = pytest.mark.django_db

PAGE = "/t/acme/reconciliations/"
API = "/api/v1/reconciliations"
NOON = datetime(2025, 11, 12, 12, tzinfo=UTC)
COSTS = """\
start_time,end_time,amount_value,amount_currency,line_item,api_key_id
1762905600,1762992000,0.00075,usd,"gpt-4o-2024-08-06, input",key_A
1762905600,1762992000,1.9,usd,"gpt-5-2025-08-07, output",key_A
1762992000,1763078400,0.5,usd,"gpt-4o-2024-08-06, input",key_A
"""


@pytest.fixture
def calls(cast: Cast) -> dict[str, Call]:
    """Of one run: one that agrees, one that nobody knows the outcome of, and those that are no matter of a bill's."""
    run = make_run(cast.owner, make_crew(cast.owner), started_at=NOON)

    def call(step: int, **fields: Any) -> Call:
        usual = {"credential": "openai/default", "started_at": NOON, "finished_at": NOON + timedelta(seconds=1)}
        return make_call(run, step=step, **(usual | {"billed_month": NOON.date().replace(day=1)} | fields))

    tomorrow, nothing = NOON + timedelta(days=1), {"prompt_tokens": 0, "completion_tokens": 0}
    call(10, simulated=True)
    call(11, cache_hit=True, cost_class="cache_hit")
    call(12, kind="tool", tool="search")
    call(13, state="intent", finished_at=None, cost_nusd=None)
    call(14, model="claude-haiku-4-5", credential="anthropic/default")
    call(15, started_at=NOON - timedelta(days=1), finished_at=NOON - timedelta(days=1))
    lost = {"state": "unknown", "cost_class": "failed", "cost_nusd": 900_000_000, **nothing}
    return {
        "same": call(1),
        "lost": call(2, started_at=tomorrow, finished_at=tomorrow, model_answered="", **lost),
    }


@pytest.fixture
def editor(cast: Cast) -> Client:
    add_provider(cast.owner, provider="openai", api_key="sk-secret")
    return signed_in(cast.editor)


def upload(client: Client, text: str | bytes, **fields: str) -> Any:
    data = text.encode() if isinstance(text, str) else text
    return client.post(PAGE, {"uploads": SimpleUploadedFile("export.csv", data), **fields})


def test_ours_are_the_real_model_calls_of_the_days_by_their_start(cast: Cast, calls: dict[str, Call]) -> None:
    Correction.objects.create(
        call=calls["lost"], booked_nusd=950_000_000, cost_nusd=900_000_000, month=calls["lost"].billed_month
    )
    ours = our_cells(cast.viewer, "openai", NOON.date(), (NOON + timedelta(days=1)).date())
    same, lost = ours.cells
    assert (same.day, same.model, same.answered, same.credential) == (
        *("2025-11-12", "gpt-4o", "gpt-4o-2024-08-06"),
        "openai/default",
    )
    assert (same.calls, same.prompt, same.completion, same.nusd, same.unknown) == (1, 100, 50, 750_000, 0)
    assert (lost.day, lost.unknown, lost.unknown_nusd, lost.corrected_nusd) == (
        *("2025-11-13", 1, 900_000_000),
        -50_000_000,
    )
    everybody = our_cells(cast.viewer, "", NOON.date(), NOON.date())
    assert {cell.credential for cell in everybody.cells} == {"anthropic/default", "openai/default"}
    assert our_cells(cast.stranger, "", NOON.date(), NOON.date()).cells == []


def test_a_call_that_ends_on_the_next_day_and_a_server_of_the_teams_own(cast: Cast, calls: dict[str, Call]) -> None:
    Call.objects.filter(pk=calls["same"].pk).update(finished_at=NOON + timedelta(hours=13))
    for name, url in (("ours", "https://llm.example.com/v1"), ("theirs", "https://api.openai.com/v1")):
        add_provider(cast.owner, provider="openai", name=name, api_key="k", base_url=url)
    ours = our_cells(cast.viewer, "openai", NOON.date(), NOON.date())
    (cell,) = ours.cells
    assert (cell.crossing, cell.crossing_tokens, cell.crossing_nusd) == (1, 150, 750_000)
    assert ours.own_servers == ["openai/ours"]


def test_when_a_call_ended_is_not_known_of_unknown_and_late_ones(cast: Cast, calls: dict[str, Call]) -> None:
    tomorrow = NOON + timedelta(days=1)
    Call.objects.filter(pk__in=[call.pk for call in calls.values()]).update(finished_at=tomorrow + timedelta(hours=13))
    assert [cell.crossing for cell in our_cells(cast.viewer, "openai", NOON.date(), tomorrow.date()).cells] == [1, 0]
    correction = Correction.objects.create(
        call=calls["same"], booked_nusd=None, cost_nusd=750_000, month=calls["same"].billed_month, why=Corrects.PRICED
    )
    assert our_cells(cast.viewer, "openai", NOON.date(), NOON.date()).cells[0].crossing == 1  # it was priced, not late
    correction.why, correction.booked_nusd = Corrects.LATE, 5
    correction.save()
    (cell,) = our_cells(cast.viewer, "openai", NOON.date(), NOON.date()).cells
    assert (cell.crossing, cell.crossing_tokens, cell.crossing_nusd, cell.corrected) == (0, 0, 0, 1)


def test_fees_are_all_that_no_price_of_tokens_explains(cast: Cast, calls: dict[str, Call]) -> None:
    parts = {"citations_nusd": 1, "searches_nusd": 20, "request_nusd": 300, "seconds_nusd": 4_000}
    tokens = calls["same"].cost_nusd or 0
    Call.objects.filter(pk=calls["same"].pk).update(**parts, beyond_ours_nusd=50_000, cost_nusd=tokens + 54_321)
    (cell,) = our_cells(cast.viewer, "openai", NOON.date(), NOON.date()).cells
    assert (cell.fees_nusd, cell.nusd) == (54_321, tokens + 54_321)


def test_an_export_becomes_a_check_with_one_figure_everywhere(
    cast: Cast, calls: dict[str, Call], editor: Client
) -> None:
    answered = upload(editor, COSTS)
    row = Reconciliation.objects.get()
    assert answered["Location"] == f"{PAGE}{row.pk}/"
    assert (row.provider, str(row.since), str(row.until)) == ("openai", "2025-11-12", "2025-11-13")
    assert (row.theirs_nusd, row.ours_nusd, row.name) == (2_400_750_000, 900_750_000, "export.csv")
    check = Check(cast.viewer, row)
    assert (check.total.theirs_alone, check.total.ours_alone) == (1_900_000_000, 400_000_000)
    page = html(signed_in(cast.viewer).get(f"{PAGE}{row.pk}/"))
    said = "OpenAI says $2.4008 for 12–13 November 2025, we booked $0.9008; $1.90 are theirs alone, on gpt-5"
    assert said in page
    assert "whose outcome nobody knows, booked at the worst case" in page
    assert "q=since%3A2025-11-13+until%3A2025-11-14+simulated%3Ano+model%3A%3Dgpt-4o" in page
    assert page.count("$1.9000") >= 3
    lines = list(csv.DictReader(StringIO(editor.get(f"{PAGE}{row.pk}/csv/").content.decode())))
    of = {name: [line for line in lines if line["section"] == name] for name in ("line", "part", "total")}
    sums = {name: sum(Decimal(line["difference_usd"]) for line in rows) for name, rows in of.items()}
    assert sums["line"] == sums["part"] == sums["total"] == Decimal("1.5")
    api = Client(headers={"Authorization": f"Bearer {issue_token(cast.owner, scope=Scope.ADMIN)[1]}"})
    body = api.get(f"{API}/{row.pk}").json()
    assert body["total"] == {
        "theirs": "2.40075",
        "ours": "0.90075",
        "difference": "1.5",
        "theirs_alone": "1.9",
        "ours_alone": "0.4",
    }
    assert [line["difference_usd"] for line in body["lines"]] == [line["difference_usd"] for line in of["line"]]
    assert body["unassigned_keys"] == ["key_A"]
    as_csv = api.get(f"{API}/{row.pk}", headers={"Accept": "text/csv"})
    assert list(csv.DictReader(StringIO(as_csv.content.decode()))) == lines
    assert [one["id"] for one in api.get(API).json()["items"]] == [row.pk]
    assert "$1.5000" in html(editor.get(PAGE))
    assert api.delete(f"{API}/{row.pk}").status_code == 204
    assert editor.get(f"{PAGE}{row.pk}/").status_code == 404


def test_a_check_stays_as_it_was_and_another_shows_the_ledger_as_it_is_now(
    cast: Cast, calls: dict[str, Call], editor: Client
) -> None:
    upload(editor, COSTS)
    first = Reconciliation.objects.get()
    before = editor.get(f"{PAGE}{first.pk}/csv/").content
    Call.objects.filter(pk=calls["lost"].pk).update(cost_nusd=500_000_000)
    assert editor.get(f"{PAGE}{first.pk}/csv/").content == before
    editor.post(f"{PAGE}{first.pk}/again/")
    second = Reconciliation.objects.exclude(pk=first.pk).get()
    assert (second.ours_nusd, second.theirs_nusd, second.name) == (500_750_000, first.theirs_nusd, first.name)
    editor.post(f"{PAGE}{first.pk}/remove/")
    assert list(Reconciliation.objects.all()) == [second]


def test_whose_a_key_is_is_said_once(cast: Cast, calls: dict[str, Call], editor: Client) -> None:
    upload(editor, COSTS)
    row = Reconciliation.objects.get()
    assert Check(cast.viewer, row).found.unassigned == ["key_A"]
    editor.post(f"{PAGE}{row.pk}/keys/", {"key:key_A": "openai/default"})
    assert TheirKey.objects.get().said_by == cast.editor.user
    check = Check(cast.viewer, row)
    assert (check.found.unassigned, list(check.by_key)) == ([], ["openai/default"])
    page = html(editor.post(f"{PAGE}{row.pk}/keys/", {"key:key_A": "openai/none"}, follow=True))
    assert "There is no key openai/none of yours." in page
    api = Client(headers={"Authorization": f"Bearer {issue_token(cast.owner, scope=Scope.ADMIN)[1]}"})
    sent = {"provider": "openai", "keys": {"key_A": "-", "key_B": "openai/default"}}
    assert api.put(f"{API}/keys", sent, content_type="application/json").json()["keys"] == sent["keys"]
    assert [part.cause for parts in Check(cast.viewer, row).parts.values() for part in parts if part.amount > 0] == [
        "other_key"
    ] * 3
    api.put(f"{API}/keys", {"provider": "openai", "keys": {"key_A": "", "key_B": ""}}, content_type="application/json")
    assert api.get(f"{API}/keys/openai").json()["keys"] == {}


def test_a_team_says_so_many_keys_and_none_of_unknown_providers(
    cast: Cast, editor: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(actions, "MOST_SAID", 2)
    actions.say_keys(cast.editor, "openai", {"key_A": "-"})
    actions.say_keys(cast.editor, "anthropic", {"key_A": "-"})
    TheirKey.objects.create(team=cast.stranger.team, provider="openai", name="key_A", credential="-")
    with pytest.raises(Invalid, match="a team says at most 2 keys, and these would make it 3"):
        actions.say_keys(cast.editor, "openai", {"key_A": "openai/default", "key_B": "-"})
    assert their_keys(cast.viewer, "openai") == {"key_A": "-"}  # nothing half done
    actions.say_keys(cast.editor, "openai", {"key_A": "", "key_B": "openai/default"})
    assert their_keys(cast.viewer, "openai") == {"key_B": "openai/default"}
    TheirKey.objects.create(team=cast.team, provider="openai", name="key_C", credential="-")
    actions.say_keys(cast.editor, "openai", {"key_C": "openai/default"})  # more than may be, as it was before
    api = Client(headers={"Authorization": f"Bearer {issue_token(cast.owner, scope=Scope.ADMIN)[1]}"})
    sent = {"provider": "nobody", "keys": {"key_C": "-"}}
    assert api.put(f"{API}/keys", sent, content_type="application/json").status_code == 422
    assert api.get(f"{API}/keys/nobody").status_code == 422
    assert TheirKey.objects.filter(team=cast.team).count() == 3


def test_columns_of_so_many_tables_are_remembered(cast: Cast, editor: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(actions, "MOST_COLUMNS", 1)
    chosen = {"name": "a.csv", "column_day": "0", "column_cost": "1"}
    for head in ("when,price", "day,usd"):
        editor.post(PAGE, chosen | {"text": f"{head}\n2025-11-12,1.5\n"})
    said = [actions.NOT_REMEMBERED in row.notes for row in Reconciliation.objects.order_by("pk")]
    assert (said, ExportColumns.objects.count()) == ([False, True], 1)
    editor.post(PAGE, chosen | {"text": "when,price\n2025-11-12,2.5\n"})
    assert ExportColumns.objects.count() == 1
    assert actions.NOT_REMEMBERED not in Reconciliation.objects.latest("pk").notes


def test_columns_are_chosen_once_and_what_was_typed_stays(cast: Cast, editor: Client) -> None:
    page = html(upload(editor, exports.OTHERS))
    assert "Which column says what?" in page
    assert '<option value="2" selected>3: Usage</option>' in page
    assert not Reconciliation.objects.exists()
    chosen = {"text": exports.OTHERS, "name": "other.csv", "column_day": "0", "column_model": "1", "column_cost": "1"}
    answered = editor.post(PAGE, chosen)
    assert answered.status_code == 422
    assert "One column is chosen for two meanings." in html(answered)
    answered = editor.post(PAGE, chosen | {"column_model": "", "column_cost": "1"})
    assert "line 2: “anthropic/claude-haiku-4.5” is no figure." in html(answered)
    assert '<option value="1" selected>2: Slug</option>' in html(answered)
    assert not ExportColumns.objects.exists()
    editor.post(PAGE, chosen | {"column_cost": "2", "provider": "openrouter"})
    assert Reconciliation.objects.get().provider == "openrouter"
    upload(editor, exports.OTHERS.replace("430.07", "1.5"))
    assert [row.theirs_nusd for row in Reconciliation.objects.order_by("pk")] == [435_570_000_000, 7_000_000_000]
    assert ExportColumns.objects.get().choice["columns"] == {"day": 0, "model": 1, "cost": 2}


def test_files_of_two_kinds_come_together(cast: Cast, editor: Client) -> None:
    files = [
        SimpleUploadedFile(name, text.encode("utf-16"))
        for name, text in (("usage.csv", exports.ANTHROPIC_USAGE), ("cost.csv", exports.ANTHROPIC_COSTS))
    ]
    editor.post(PAGE, {"uploads": files})
    row = Reconciliation.objects.get()
    assert row.name == "usage.csv, cost.csv"
    assert "“usage.csv”: It was read as UTF-16." in row.notes
    page = html(editor.get(f"{PAGE}{row.pk}/"))
    assert "Anthropic usage, Anthropic cost" in page
    assert "counts of web searches" in page


@pytest.mark.parametrize(
    ("text", "fields", "part"),
    [
        (COSTS.replace("1.9", "=1+2"), {}, "line 3: “=1+2” is a formula and no figure: export values."),
        (COSTS + COSTS.splitlines()[1], {}, "line 5: It repeats line 2 word for word."),
        (COSTS.replace("usd", "eur"), {}, "calls are booked in US dollars"),
        (COSTS, {"provider": "anthropic"}, "This is an export of OpenAI, and Anthropic was chosen."),
        ("PK\x03\x04", {}, "Save the sheet as CSV"),
        ("", {}, "It is empty."),
        (b"a" * (MAX_EXPORT_BYTES + 1), {}, "is larger than 3 MB."),
    ],
)
def test_what_is_refused_is_said_at_its_line_and_nothing_is_kept(
    editor: Client, text: str | bytes, fields: dict[str, str], part: str
) -> None:
    answered = upload(editor, text, **fields)
    assert answered.status_code == 422
    assert part in html(answered)
    assert not Reconciliation.objects.exists()


def test_a_hundred_megabytes_are_refused_before_they_are_read() -> None:
    assert most_bytes(PAGE) == most_bytes(API) == 9_200_000
    assert most_bytes(f"{PAGE}1/keys/") == 1_000_000


def test_who_may(cast: Cast, editor: Client) -> None:
    upload(editor, COSTS)
    row = Reconciliation.objects.get()
    for who, status in ((cast.viewer, 403), (cast.runner, 403), (cast.stranger, 404)):
        client = signed_in(who)
        assert upload(client, COSTS).status_code == status
        for verb in ("keys", "again", "remove"):
            assert client.post(f"{PAGE}{row.pk}/{verb}/").status_code == status
    assert signed_in(cast.viewer).get(f"{PAGE}{row.pk}/").status_code == 200
    assert signed_in(cast.stranger).get(f"{PAGE}{row.pk}/").status_code == 404
    assert Reconciliation.objects.count() == 1


def test_a_team_keeps_so_many(cast: Cast, editor: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(actions, "MOST_KEPT", 1)
    upload(editor, COSTS)
    assert "keeps at most 1 checks" in html(upload(editor, COSTS))
    assert Reconciliation.objects.count() == 1


def test_checks_leave_threads_for_pages(cast: Cast, editor: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    upload(editor, COSTS)
    row = Reconciliation.objects.get()
    api = Client(headers={"Authorization": f"Bearer {issue_token(cast.owner)[1]}"})
    addresses = [(editor, f"{PAGE}{row.pk}/"), (editor, f"{PAGE}{row.pk}/csv/"), (api, f"{API}/{row.pk}")]
    monkeypatch.setattr(PLACES, "_patience_s", 0.01)
    with PLACES.one(), PLACES.one():
        for client, address in addresses:
            answered = client.get(address)
            assert (answered.status_code, answered["Retry-After"]) == (429, "10")
            assert "Other checks are being compared." in answered.content.decode()
    assert [client.get(address).status_code for client, address in addresses] == [200, 200, 200]


def test_names_from_a_file_are_hostile(cast: Cast, editor: Client) -> None:
    name = "=cmd|' /C calc'!A0<script>alert(1)</script>"
    upload(editor, COSTS.replace("gpt-5-2025-08-07", "gpt-<script>").replace("key_A", name))
    row = Reconciliation.objects.get()
    assert "<script>alert" not in html(editor.get(f"{PAGE}{row.pk}/"))
    editor.post(f"{PAGE}{row.pk}/keys/", {f"key:{name}": "-"})
    cells = list(csv.DictReader(StringIO(editor.get(f"{PAGE}{row.pk}/csv/").content.decode())))
    assert {line["key"] for line in cells if line["section"] == "line"} == {f"'{name}"}


def test_the_api_takes_texts_and_files_and_answers_a_repeated_request_once(cast: Cast, calls: dict[str, Call]) -> None:
    api = Client(headers={"Authorization": f"Bearer {issue_token(cast.owner, scope=Scope.ADMIN)[1]}"})

    def send(body: dict[str, Any], **headers: str) -> Any:
        return api.post(API, json.dumps(body), content_type="application/json", headers=headers)

    first, again = (send({"text": COSTS, "name": "c.csv"}, **{"Idempotency-Key": "one"}) for _ in "ab")
    assert (first.status_code, first.json()) == (201, again.json())
    assert Reconciliation.objects.count() == 1
    needed = send({"text": exports.OTHERS})
    assert (needed.status_code, needed.json()["error"]["code"]) == (422, "columns_needed")
    assert "2: Usage" in needed.json()["error"]["fields"]["columns"]
    made = send({"text": exports.OTHERS, "columns": {"day": 0, "cost": 2}, "provider": "openrouter"})
    assert (made.status_code, made.json()["total"]["theirs"]) == (201, "435.57")
    assert send({"text": "x", "columns": {"price": 1}}).status_code == 422
    assert send({"text": exports.OTHERS, "columns": {"day": -1, "cost": 99}}).status_code == 422
    wrong = send({"text": COSTS.replace("1.9", "x")})
    assert wrong.json()["error"]["code"] == "unreadable_export"
    assert "line 3: “x” is no figure." in wrong.json()["error"]["fields"]["uploads"]
    files = {"files": SimpleUploadedFile("u.csv", exports.OPENAI_USAGE.encode())}
    assert api.post(API, files).json()["measure"] == "tokens"
    assert api.post(API, {"provider": "openai"}).status_code == 422
