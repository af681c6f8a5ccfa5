"""The worker's verb: execute a run from claim to end. What a run means is the engine's; what is kept of it the
recorder's.
"""

from __future__ import annotations

import logging
from uuid import UUID

from django.db import connection

from engine.crew import CrewOutput, Runtime, run_crew
from engine.errors import Cancelled, EngineError, LimitReached
from engine.journal import TaskStatus
from engine.spec import CrewSpec
from runs import claim, metrics
from runs.log_context import marked
from runs.models import Run
from runs.replay import read_replay
from runs.runtime import runtime_of
from runs.states import RunState
from runs.worker import Held, WorkerProcess

log = logging.getLogger(__name__)

POISON = "poison"
OUR_BUG = "internal_error"


def execute(run_id: UUID, *, worker: WorkerProcess) -> None:
    """Claims the run and carries it to its end. A run that is not to be had is somebody else's: nothing happens."""
    if worker.stopping.is_set():
        return
    run = claim.claim(run_id, owner=worker.name)
    if run is None:
        return
    metrics.run_claimed(run.lease_epoch)
    with marked(run_id=run.pk, epoch=run.lease_epoch, worker=worker.name):
        log.info("Claimed")
        _begin(run, worker)


def _begin(run: Run, worker: WorkerProcess) -> None:
    if run.cancel_requested_at is not None:
        claim.end(run, state=RunState.CANCELLED, error="Cancelled.", error_code=Cancelled.code)
        return
    if run.fruitless_takeovers > claim.MAX_FRUITLESS_TAKEOVERS:
        claim.end(run, state=RunState.FAILED, error=_poison_message(run), error_code=POISON)
        return
    _carry_out(run, worker)


def _carry_out(run: Run, worker: WorkerProcess) -> None:
    held = Held(run.pk, run.lease_epoch)
    try:
        spec = CrewSpec.from_json(run.version.spec)
        replay = read_replay(run)
        runtime = runtime_of(run, spec, worker, replay)
        connection.close()  # this thread only waits from here on, and there are more of them than connections
        output = worker.run(held, _run(spec, run, runtime, worker.name))
    except Cancelled as stop:
        _stopped(run, held, str(stop))
    except LimitReached as limit:
        claim.end(run, state=RunState.FAILED, error=str(limit), error_code=limit.limit)
    except EngineError as error:
        claim.end(run, state=RunState.FAILED, error=str(error), error_code=error.code)
    except Exception:  # the worker's outer edge: our bug ends this run, honestly, and no other
        log.exception("The run failed by a bug")
        claim.end(run, state=RunState.FAILED, error=BUG_MESSAGE, error_code=OUR_BUG)
    else:
        _finish(run, output, decisions=replay.decisions)


async def _run(spec: CrewSpec, run: Run, runtime: Runtime, worker: str) -> CrewOutput:
    with marked(run_id=run.pk, epoch=run.lease_epoch, worker=worker):  # on the loop, where no thread's marks reach
        return await run_crew(spec, run.inputs, runtime)


def _finish(run: Run, output: CrewOutput, *, decisions: int) -> None:
    if output.status is TaskStatus.WAITING:
        claim.pause(run, waiting_for="person", decisions=decisions)
        return
    succeeded = output.status is TaskStatus.SUCCEEDED
    claim.end(
        run,
        state=RunState.SUCCEEDED if succeeded else RunState.FAILED,
        raw=output.raw,
        data=output.data,
        error=output.error,
        error_code="" if succeeded else output.error_code or EngineError.code,
    )


def _stopped(run: Run, held: Held, reason: str) -> None:
    """A cancelled run ends; a lost one is another worker's; one that our shutdown stopped is given back at once."""
    if held.why == "shutdown":
        claim.release([(run.pk, run.lease_epoch)])
        return
    if held.why != "lost":
        claim.end(run, state=RunState.CANCELLED, error=reason or "Cancelled.", error_code=Cancelled.code)


def _poison_message(run: Run) -> str:
    return (
        f"{run.fruitless_takeovers} workers in a row stopped while running this without finishing a call, so it is "
        "not tried again. What was finished and paid before is kept."
    )


BUG_MESSAGE = (
    "Crewsite itself failed, not your crew. What was finished and paid is kept; the worker's log names the fault. "
    "You can launch it again."
)
