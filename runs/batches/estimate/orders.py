"""What a whole order is estimated at, before anything of it is kept."""

from __future__ import annotations

from agents_app.models import Crew
from agents_app.snapshot import spec_of
from engine.spec.crew_spec import CrewSpec
from runs.batches.estimate.paces import purse_of
from runs.batches.estimate.whole import BatchEstimate, estimate_batch
from runs.batches.order import NOT_LAUNCHED, BatchOrder, bound_complaints, refuse_bad_rows
from runs.launch.order import is_simulated_run
from teams.access import Principal
from teams.credentials import TeamCredentials
from teams.refusals import Invalid


def estimate_order(who: Principal, crew: Crew, order: BatchOrder) -> tuple[bool, BatchEstimate | None]:
    """Whether its runs would be simulated, and the estimate, None where nothing is known. ``Invalid`` for rows and
    bounds that a launch refuses. A key, a price or money that is missing refuses a launch and no estimate."""
    spec = spec_of(crew) if order.run.version is None else CrewSpec.from_json(order.run.version.spec)
    refuse_bad_rows(spec, order.rows)
    if complaints := bound_complaints(order):
        raise Invalid(NOT_LAUNCHED, fields=complaints)
    simulated = is_simulated_run(spec, TeamCredentials(who.team), wanted=order.run.simulated)
    chars = sum(len(text) for row in order.rows for text in row.values())
    estimate = estimate_batch(
        who,
        crew,
        spec,
        simulated=simulated,
        rows=len(order.rows),
        input_chars=chars // len(order.rows),
        max_concurrency=order.max_concurrency,
        purse=purse_of(who.team, order.budget_usd, order.run.budget_usd),
    )
    return simulated, estimate
