"""A scenario as CSV: each agent's calls to each model, exact, safe to open in a spreadsheet; the last line sums."""

from __future__ import annotations

from collections.abc import Iterator

from runs.money import usd_text
from runs.scenarios.answer import Answer, Sums
from teams.texts import spreadsheets
from teams.texts.spreadsheets import safe

COLUMNS = (
    *("crew", "agent", "model", "model_then", "simulated", "calls", "unpriced_calls", "cost_usd"),
    *("compared_calls", "compared_usd", "then_usd", "difference_usd", "limits"),
    *("untimed_calls", "stated_calls", "kept_stated_calls"),
)


def csv_text(found: Answer) -> str:
    return spreadsheets.csv_text([COLUMNS, *_rows(found)])


def _rows(found: Answer) -> Iterator[list[str]]:
    kind = "yes" if found.simulated else "no"
    for line in found.lines:
        group = line.target.group
        who = (safe(group.crew), safe(group.agent), safe(group.model), safe(line.target.to), kind)
        yield [*who, *_figures(line.sums), safe(" ".join(line.limits)), *_kept(line.sums)]
    yield ["sum", "", "", "", kind, *_figures(found.total), "", *_kept(found.total)]


def _figures(sums: Sums) -> list[str]:
    money = (sums.compared_nusd, sums.new_nusd, sums.difference_nusd)
    counts = (str(sums.calls), str(sums.unpriced_calls), usd_text(sums.cost_nusd) or "", str(sums.compared_calls))
    return [*counts, *(usd_text(nusd) or "" for nusd in money)]


def _kept(sums: Sums) -> tuple[str, ...]:
    return str(sums.untimed_calls), str(sums.stated_calls), str(sums.kept_stated_calls)
