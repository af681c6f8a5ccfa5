"""The API of scenarios: the same answers as the pages, by the same rules."""

from __future__ import annotations

import csv
from decimal import Decimal
from io import StringIO
from typing import Any

import pytest

from runs.models import Run
from runs.money import usd_text
from tests.cast import Cast
from tests.pages import html, signed_in
from tests.runs.scenarios.asking import THEN_NUSD, WHAT_IF, api, month_of

pytestmark = pytest.mark.django_db
MINI = {"model": "gpt-4o", "to": "gpt-4o-mini"}


class TestApi:
    def test_figures_are_those_of_the_page(self, cast: Cast, ran: Run) -> None:
        body = {"month": month_of(ran), "models": [MINI]}
        found = api(cast.viewer, "post", "/answer", body).json()
        assert found["total"] == {
            "calls": 3,
            "unpriced_calls": 0,
            "cost_usd": "0.00225",
            "compared_calls": 3,
            "compared_usd": "0.00225",
            "then_usd": "0.000135",
            "difference_usd": "-0.002115",
            "untimed_calls": 0,
            "stated_calls": 0,
            "kept_stated_calls": 0,
        }
        assert [(line["agent"], line["then_usd"]) for line in found["lines"]] == [
            ("finance", "0.00009"),
            ("news", "0.000045"),
        ]
        text = html(signed_in(cast.viewer).get(f"{WHAT_IF}csv/?month={month_of(ran)}&model=gpt-4o+gpt-4o-mini"))
        rows = list(csv.DictReader(StringIO(text)))
        assert api(cast.viewer, "post", "/answer", body, Accept="text/csv").content.decode() == text
        assert rows[-1]["then_usd"] == found["total"]["then_usd"] == usd_text(3 * THEN_NUSD)
        assert sum(Decimal(row["then_usd"]) for row in rows[:-1]) == Decimal(rows[-1]["then_usd"])

    def test_saved_read_renamed_and_removed(self, cast: Cast, ran: Run) -> None:
        body = {"name": "One", "team": True, "asked": {"month": month_of(ran), "cache_hit_percent": 50}}
        made = api(cast.editor, "post", "", body)
        assert made.status_code == 201
        path = f"/{made.json()['id']}"
        assert api(cast.editor, "post", "", body).status_code == 409
        assert [item["name"] for item in api(cast.viewer, "get").json()["items"]] == ["One"]
        whole = api(cast.viewer, "get", path).json()
        assert whole["saved"]["then_usd"] == whole["now"]["total"]["then_usd"]
        assert api(cast.viewer, "get", path, Accept="text/csv").content.decode().startswith("crew,agent,model,")
        assert api(cast.runner, "patch", path, {"name": "Two"}).status_code == 403
        assert api(cast.editor, "patch", path, {"name": "Two"}).json()["name"] == "Two"
        assert api(cast.viewer, "delete", path).status_code == 403
        assert api(cast.stranger, "get", path).status_code == 404
        assert api(cast.editor, "delete", path).status_code == 204

    @pytest.mark.parametrize(
        "body", [{}, {"month": "2026-1"}, {"crew": "x", "cache_hit_percent": 101}, {"crew": "x", "colour": "red"}]
    )
    def test_what_is_not_understood(self, cast: Cast, body: dict[str, Any]) -> None:
        assert api(cast.viewer, "post", "/answer", body).status_code == 422
