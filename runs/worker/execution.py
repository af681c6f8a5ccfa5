"""Carries a claimed run to its end, or to where it waits or another worker goes on with it.

What running a crew means is the engine's; what is kept of it, the ledger's.
"""

from __future__ import annotations

import logging

from django.db import InterfaceError, OperationalError, connection

from engine.bounded import counted_on
from engine.crew.crew import CrewResult, run_crew
from engine.crew.runtime import Runtime
from engine.errors import Cancelled, EngineError, LimitReached
from engine.record.journal import TaskStatus
from engine.spec.crew_spec import CrewSpec
from runs.bounds import run_caps, runs_at_once
from runs.feeding import feed
from runs.ledger import transitions
from runs.ledger.lease import Held
from runs.ledger.replay import replay_at_claim
from runs.models import Run
from runs.money import to_nusd
from runs.states import PERSON, RunState
from runs.telemetry.log_context import marked
from runs.worker import bell, claim, next_run
from runs.worker.process import WorkerProcess
from runs.worker.runtime import get_ready, runtime_of
from teams.models import AtLimit

log = logging.getLogger(__name__)

POISON = "poison"
OUR_BUG = "internal_error"


def work(*, worker: WorkerProcess) -> None:
    """Carries out the runs whose turn it is, one after the other, until none can be claimed.

    The place that a run leaves in its team mostly goes to the team's next run here. Else it is rung for, because this
    process may be stopping, or have taken another team's run, while others have heard no bell.
    """

    def claim_next() -> Run | None:
        fed = feed.feed()
        run = next_run.claim_next(owner=worker.name, full=worker.full_teams, wary=worker.is_wary)
        for run_id in fed:  # whoever else is free takes the others
            if run is None or run.pk != run_id:
                bell.ring(run_id)
        return run

    last: Run | None = None
    while (claimed := worker.hold(claim_next)) is not None:
        run, held = claimed
        if last is not None and last.team_id != run.team_id:
            _ring_for_place(last)
        execute(run, held, worker)
        last = run
    if last is not None:
        _ring_for_place(last)


def _ring_for_place(last: Run) -> None:
    """Rings for the next run of the team of a run that left a place, if the team is one with a cap."""
    if last.team.runs_at_once is None:
        return  # whatever can be claimed was rung for
    for run_id in runs_at_once.fitting(last.team_id, most=1):
        bell.ring(run_id)


def execute(run: Run, held: Held, worker: WorkerProcess) -> None:
    """Carries out a run that was just claimed, and lets go of it whatever becomes of it."""
    try:
        with marked(run_id=run.pk, epoch=run.lease_epoch, worker=worker.name):
            log.info("Claimed")
            _begin(run, held, worker)
    finally:
        worker.let_go(held)
        connection.close()  # there are more threads than connections


def _begin(run: Run, held: Held, worker: WorkerProcess) -> None:
    if run.cancel_requested_at is not None:
        transitions.end(run, state=RunState.CANCELLED, error="Cancelled.", error_code=Cancelled.code)
    elif run.fruitless_takeovers > claim.MAX_FRUITLESS_TAKEOVERS:
        transitions.end(run, state=RunState.FAILED, error=_poison_message(run), error_code=POISON)
    else:
        _carry_out(run, held, worker)


def _carry_out(run: Run, held: Held, worker: WorkerProcess) -> None:
    try:
        spec = CrewSpec.from_json(run.version.spec)
        replay = replay_at_claim(run)
        runtime = runtime_of(run, spec, worker, replay, held)
        connection.close()  # from here on this thread only waits
        get_ready(run, spec)
        output = worker.run(held, _run(spec, run, runtime, worker.name))
    except Cancelled as stop:
        _stopped(run, held, worker, str(stop))
    except LimitReached as limit:
        _at_limit(run, limit)
    except EngineError as error:
        transitions.end(run, state=RunState.FAILED, error=str(error), error_code=error.code)
    except (OperationalError, InterfaceError) as error:
        # The database is at fault, not the run: once the lease has run out, another worker goes on with it.
        log.warning("Left for another worker: the database failed", exc_info=error)
    except Exception:  # the worker's outer edge: a bug of ours ends this run, says so, and ends no other
        log.exception("The run failed by a bug")
        transitions.end(run, state=RunState.FAILED, error=BUG_MESSAGE, error_code=OUR_BUG)
    else:
        _finish(run, output, decisions=replay.decisions)


async def _run(spec: CrewSpec, run: Run, runtime: Runtime, worker: str) -> CrewResult:
    # The thread's marks do not reach the loop.
    with marked(run_id=run.pk, epoch=run.lease_epoch, worker=worker), counted_on(f"team {run.team_id}"):
        return await run_crew(spec, run.inputs, runtime, was_saved=True)


def _finish(run: Run, output: CrewResult, *, decisions: int) -> None:
    if output.status is TaskStatus.WAITING:
        transitions.pause(run, waiting_for=PERSON, decisions=decisions)
        return
    succeeded = output.status is TaskStatus.SUCCEEDED
    transitions.end(
        run,
        state=RunState.SUCCEEDED if succeeded else RunState.FAILED,
        raw=output.raw,
        data=output.data,
        error=output.error,
        error_code="" if succeeded else output.error_code or EngineError.code,
    )


def _at_limit(run: Run, limit: LimitReached) -> None:
    """At a budget the run waits until that covers the next call, unless it is set to stop. At other limits it ends."""
    if limit.needs_usd is not None and run.at_limit != AtLimit.STOP:
        transitions.pause(run, waiting_for=limit.limit, needs_nusd=to_nusd(limit.needs_usd))
    else:
        error = f"{limit} {run_caps.what_to_do(run, limit.limit)}".rstrip()
        transitions.end(run, state=RunState.FAILED, error=error, error_code=limit.limit)


def _stopped(run: Run, held: Held, worker: WorkerProcess, reason: str) -> None:
    """Gives back at once a run that our shutdown stopped, ends a cancelled one, leaves a lost one to its new worker."""
    if held.why == "shutdown":
        claim.release([held.lease])
        worker.released.append(run.pk)
        return
    if held.why != "lost":  # if the lease was lost unnoticed, ``end`` writes nothing
        transitions.end(run, state=RunState.CANCELLED, error=reason or "Cancelled.", error_code=Cancelled.code)


def _poison_message(run: Run) -> str:
    return (
        f"{run.fruitless_takeovers} workers in a row stopped while running this without finishing a call, so it is "
        "not tried again. What was finished and paid before is kept."
    )


BUG_MESSAGE = (
    "Crewsite itself failed, not your crew. What was finished and paid is kept; the worker's log names the fault. "
    "You can launch it again."
)
