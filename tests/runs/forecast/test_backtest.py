"""The ranges hold as often as they say, over teams of many kinds, and for none of them absurdly seldom."""

from __future__ import annotations

import pytest

from tests.runs.forecast.months import FEW, KINDS, added, backtest

TEAMS = 30


@pytest.mark.parametrize("most_days", [None, FEW], ids=["eight weeks", "few days"])
def test_eighty_of_a_hundred_totals_lie_within_their_ranges(most_days: int | None) -> None:
    rows = {kind: backtest(kind, teams=TEAMS, most_days=most_days) for kind in KINDS}
    assert 72 <= added(rows.values()).percent <= 88
    for kind, held in rows.items():
        assert held.count > 10, kind
        assert held.percent >= 50, kind
        assert held.usual_width < 200, kind
    if most_days is None:
        assert rows["steady"].usual_width < 20, "a team whose days are alike has a narrow range"
