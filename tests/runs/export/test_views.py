"""Files of runs over HTTP: who gets them, what is refused, and that a part is never taken for the whole."""

from __future__ import annotations

import gc
from collections.abc import AsyncGenerator, Callable
from types import SimpleNamespace
from urllib.parse import urlencode

import httpx
import pytest
from asgiref.sync import sync_to_async
from django.core.exceptions import RequestAborted
from django.db import connection
from django.test import Client

from runs.export import batches as reading
from runs.export import formats, sending
from runs.export.batches import BATCH_ROWS, begin
from runs.export.sending import PLACES
from runs.history.filters import RunFilter
from runs.models import Run
from runs.states import RunState
from teams.rights import Right
from tests.cast import Cast, make_cast, make_crew
from tests.ledger import make_run
from tests.pages import html, signed_in
from tests.runs.batches.test_api import whole
from tests.teams.api.test_if_match import Api
from tests.web_server import web_server

PLACES_OF_TEAM = 2
CSV, JSON_LINES = "/t/acme/runs.csv", "/t/acme/runs.jsonl"


@pytest.fixture(autouse=True)
def no_place_is_taken() -> None:
    """Answers of earlier tests, whose files nobody began to read, are gone."""
    gc.collect()


@pytest.mark.django_db
class TestWho:
    def test_a_viewer_gets_a_file_and_a_stranger_nothing(self, cast: Cast) -> None:
        response = signed_in(cast.viewer).get(CSV)
        assert response.status_code == 200
        assert response["Content-Disposition"] == 'attachment; filename="acme-runs.csv"'
        assert response["Content-Type"] == "text/csv; charset=utf-8"
        assert signed_in(cast.stranger).get(CSV).status_code == 404
        assert Client().get(CSV).status_code == 302


@pytest.mark.django_db
class TestByApi:
    def test_it_is_the_pages_file(self, cast: Cast) -> None:
        make_run(cast.runner, make_crew(cast.editor), state=RunState.FAILED)
        make_run(cast.runner, make_crew(cast.editor))
        api = Api(cast)
        for form, page in (("csv", CSV), ("jsonl", JSON_LINES)):
            for q in ("", "status:failed"):
                asked = {"q": q, "sort": "oldest"}
                found = api.ask("GET", f"/runs/file?{urlencode({**asked, 'format': form})}")
                ours = signed_in(cast.viewer).get(page, asked)
                assert found["Content-Disposition"] == ours["Content-Disposition"]
                assert whole(found) == whole(ours)
        assert api.ask("GET", "/runs/file?q=cost:x").json()["error"]["fields"].keys() == {"q"}
        assert api.ask("GET", "/runs/file?sort=colour").status_code == 422


@pytest.mark.django_db
class TestRefusals:
    @pytest.mark.parametrize("address", [CSV, JSON_LINES])
    @pytest.mark.parametrize(
        ("query", "words"),
        [({"q": "cost:x"}, "not an amount"), ({"sort": "colour"}, "Sort by one of"), ({"q": "x" * 600}, "longer than")],
    )
    def test_what_is_not_understood_is_told_on_a_page_that_leads_back(
        self, cast: Cast, address: str, query: dict[str, str], words: str
    ) -> None:
        response = signed_in(cast.viewer).get(address, query)
        assert response.status_code == 422
        assert words in html(response)
        assert 'href="/t/acme/runs/?' in html(response)

    def test_too_many_runs_are_refused_with_a_word(self, cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(reading, "MAX_ROWS", 1)
        crew = make_crew(cast.owner)
        for _ in "ab":
            make_run(cast.owner, crew)
        assert "Narrow" in html(signed_in(cast.viewer).get(CSV))

    def test_a_team_has_two_files_at_once_and_a_process_four(self, cast: Cast) -> None:
        client = signed_in(cast.viewer)
        kept = [client.get(CSV), client.get(JSON_LINES)]
        refused = client.get(CSV)
        assert refused.status_code == 429
        assert int(refused["Retry-After"]) > 0
        assert "two files" in html(refused)
        others = [PLACES.take(-1), PLACES.take(-2)]
        stranger = Client()
        stranger.force_login(cast.stranger.user)
        assert stranger.get("/t/others/runs.csv").status_code == 429
        for free in others:
            free()
        assert stranger.get("/t/others/runs.csv").status_code == 200
        kept.clear()
        gc.collect()
        assert client.get(CSV).status_code == 200

    def test_head_takes_no_place(self, cast: Cast) -> None:
        client = signed_in(cast.viewer)
        for _ in range(5):
            response = client.head(CSV)
            assert response.status_code == 200
            assert b"".join(response) == b""
            del response
            gc.collect()


@pytest.mark.django_db(transaction=True)
def test_all_batches_come_through_and_a_failure_in_between_breaks_the_connection() -> None:
    cast = make_cast()
    oldest = make_run(cast.owner, make_crew(cast.owner), state=RunState.QUEUED)
    same = {"team": cast.team, "crew": oldest.crew, "version": oldest.version, "created_by": cast.owner.user}
    Run.objects.bulk_create([Run(**same) for _ in range(BATCH_ROWS + 4)])
    cookies = {name: morsel.value for name, morsel in signed_in(cast.viewer).cookies.items()}
    with web_server() as address, httpx.Client(base_url=address, cookies=cookies, timeout=60) as client:
        assert client.get(CSV).text.count("\r\n") == BATCH_ROWS + 6
        assert client.get(JSON_LINES, params={"sort": "cost"}).text.count("\n") == BATCH_ROWS + 5
        head = client.head(CSV)
        assert (head.status_code, head.content) == (200, b"")
        with connection.cursor() as cursor:  # which Python cannot read, so the last batch fails
            cursor.execute("UPDATE runs_run SET started_at = 'infinity' WHERE id = %s", [oldest.pk])
        with pytest.raises(httpx.RemoteProtocolError, match="incomplete"):
            client.get(CSV)
        Run.objects.filter(pk=oldest.pk).update(started_at=None)
        for _ in range(PLACES_OF_TEAM + 1):  # no place was lost
            assert client.get(CSV).text.count("\r\n") == BATCH_ROWS + 6


@pytest.mark.django_db(transaction=True)
async def test_a_file_is_broken_off_when_its_time_is_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sending, "MAX_SECONDS", -1.0)
    freed: list[bool] = []
    text = await sync_to_async(_begun)(lambda: freed.append(True))
    with pytest.raises(RequestAborted):
        [part async for part in text]
    assert freed


@pytest.mark.django_db(transaction=True)
async def test_so_is_one_that_is_given_once_all_rows_are_in_it(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]
    monkeypatch.setattr(sending, "time", SimpleNamespace(monotonic=lambda: clock[0]))
    whole = formats.Format("xlsx", "application/octet-stream", "", lambda rows: "", lambda: iter((b"one", b"two")))
    freed: list[bool] = []
    text = await sync_to_async(_begun)(lambda: freed.append(True), whole)
    assert [await anext(text), await anext(text)] == ["", b"one"]
    clock[0] = sending.MAX_SECONDS + 1
    with pytest.raises(RequestAborted):
        await anext(text)
    assert freed


def _begun(free: Callable[[], object], form: formats.Format = formats.CSV) -> AsyncGenerator[str | bytes, None]:
    try:
        cast = make_cast()
        make_run(cast.owner, make_crew(cast.owner))
        right = Right(cast.viewer.user.pk, cast.team.pk, cast.viewer.role)
        return sending.send(reading.batches(begin(cast.viewer, RunFilter(), "newest")), form, right, free)
    finally:
        connection.close()
