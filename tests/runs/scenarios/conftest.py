"""A run whose calls scenarios re-price."""

from __future__ import annotations

import pytest

from agents_app.models import Crew
from runs.ledger import rollups
from runs.models import Run
from tests.cast import Cast
from tests.ledger import make_call, make_run, make_task
from tests.runs.listed import list_prices


@pytest.fixture
def ran(cast: Cast, crew: Crew) -> Run:
    """Two real calls of one agent, and one of another."""
    list_prices("gpt-4o", "gpt-4o-mini", "gpt-4.1-mini", "gpt-4", "mistral/mistral-small")
    run = make_run(cast.owner, crew, usd=0.00225)
    task = make_task(run, "figures", started_at=run.started_at, finished_at=run.finished_at)
    text = [{"role": "user", "content": "Was kostet das? 料金はいくらですか。" * 20}]
    for step, agent in enumerate(("finance", "finance", "news")):
        make_call(run, task=task, step=step, agent=agent, messages=text, params={"tools": ["search"]})
    rollups.rebuild(run.team_id)
    return run
