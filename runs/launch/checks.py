"""What a launch comes to before anything is queued: the version, and whether real or simulated. Batches ask too."""

from __future__ import annotations

from agents_app.actions import cut_version
from agents_app.models import Crew, CrewVersion
from agents_app.queries import locked_revision
from engine.spec.crew_spec import CrewSpec
from runs.bounds import budgets
from runs.launch.order import (
    LaunchOrder,
    is_simulated_run,
    key_complaints,
    limit_complaints,
    order_complaints,
    price_complaints,
)
from teams.access import Principal
from teams.credentials import TeamCredentials
from teams.refusals import Changed, Invalid


def version_to_launch(who: Principal, crew: Crew, order: LaunchOrder) -> CrewVersion:
    """The version that was ordered; else the draft, cut as one. Raises ``Changed`` for a draft at another revision, and
    ``Invalid`` for one that cannot run."""
    if order.version is None and order.draft_revisions is not None:
        revision = locked_revision(crew)
        if str(revision) not in order.draft_revisions:
            raise Changed(revision)
    return order.version or cut_version(crew, by=who.user)


def checked_kind(who: Principal, spec: CrewSpec, order: LaunchOrder) -> bool:
    """Whether the run will be simulated. ``Invalid`` if something keeps it from being launched."""
    credentials = TeamCredentials(who.team)
    fields = (
        order_complaints(spec, order)
        | limit_complaints(who.team, order)
        | key_complaints(spec, credentials, simulated=order.simulated)
    )
    if fields:
        raise Invalid("The crew was not launched, and nothing was spent.", fields=fields)
    simulated = is_simulated_run(spec, credentials, wanted=order.simulated)
    if not simulated:
        if fields := price_complaints(who, spec, order):
            raise Invalid("The crew was not launched, and nothing was spent.", fields=fields)
        budgets.refuse_used_up(who)
    return simulated
