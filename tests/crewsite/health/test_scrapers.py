"""The scraper's token is not guessed, and who guesses keeps no other address from scraping."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from crewsite.health import scrapers

RIGHT = {"Authorization": "Bearer the-right-one"}


@pytest.fixture(autouse=True)
def with_token(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.METRICS_TOKEN = "the-right-one"
    monkeypatch.setattr(scrapers, "WRONG", scrapers.WrongTokens())
    monkeypatch.setattr("crewsite.health.views._database_gauges", lambda: b"")


def statuses(client: Client, times: int) -> list[int]:
    return [
        client.get("/metrics", headers={"Authorization": f"Bearer {number}"}).status_code for number in range(times)
    ]


def test_after_twenty_wrong_tokens_an_address_gets_no_more_tries_the_right_one_included() -> None:
    assert statuses(Client(), 22) == [404] * 20 + [429] * 2
    refused = Client().get("/metrics", headers=RIGHT)
    assert refused.status_code == 429
    assert 0 < int(refused["Retry-After"]) <= 300
    assert Client(REMOTE_ADDR="192.0.2.1").get("/metrics", headers=RIGHT).status_code == 200


def test_who_sends_no_token_does_not_guess() -> None:
    assert [Client().get("/metrics").status_code for _ in range(30)] == [404] * 30
    assert Client().get("/metrics", headers=RIGHT).status_code == 200


def test_tries_count_for_five_minutes(monkeypatch: pytest.MonkeyPatch) -> None:
    statuses(Client(), 20)
    later = scrapers.time.monotonic() + scrapers.WINDOW_S + 1
    monkeypatch.setattr(scrapers.time, "monotonic", lambda: later)
    assert Client().get("/metrics", headers=RIGHT).status_code == 200


def test_a_guesser_of_many_addresses_fills_no_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scrapers, "MOST_ADDRESSES", 3)
    for number in range(9):
        scrapers.WRONG.count(str(number))
    assert list(scrapers.WRONG._windows) == ["6", "7", "8"]
