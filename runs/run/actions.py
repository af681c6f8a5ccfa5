"""People's verbs on a run: ask it to stop, answer what it asks."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from uuid import UUID

from django.db import transaction
from django.db.models import F

from engine.text import storable
from runs.ledger import transitions
from runs.live.notify import run_changed
from runs.models import ClockTimestamp, Review, Run
from runs.states import RUN_ENDED
from runs.worker import bell
from teams.access import Principal, require
from teams.models import Role
from teams.refusals import Conflict, Invalid

MAX_COMMENT_CHARS = 20_000


def request_cancel(who: Principal, run: Run) -> Run:
    """A queued run ends at once; a running one is asked to, and gets a few seconds to settle its call."""
    require(who, Role.RUNNER)
    if run.state in RUN_ENDED:
        raise Conflict(f"This run has already {run.state}.")
    with transaction.atomic():
        Run.objects.filter(pk=run.pk, cancel_requested_at=None).update(
            cancel_requested_at=ClockTimestamp(), revision=F("revision") + 1
        )
        transitions.end_unclaimed(run.pk)
        run_changed(run.pk)
    run.refresh_from_db()
    return run


@dataclass(frozen=True, slots=True)
class Decision:
    """What a person says to a task's open question.

    About its answer: ``approved``, or sent back with a comment, which the agent is told. About a lost call: whether it
    was carried out. ``number`` and ``call`` say which answer or call was looked at; None is whatever is asked now.
    """

    approved: bool
    comment: str = ""
    number: int | None = None
    call: UUID | None = None


def decide(who: Principal, run: Run, task: str, decision: Decision) -> Run:
    """Answers the open question of a waiting task; the run goes on at once, or when whoever runs it sets it aside."""
    require(who, Role.RUNNER)
    comment = storable(decision.comment).strip()
    if len(comment) > MAX_COMMENT_CHARS:
        raise Invalid("Nothing was sent.", fields={"comment": f"At most {MAX_COMMENT_CHARS:,} characters."})
    with transaction.atomic():
        # The run first, as whoever sets it aside does: else each could overlook the other.
        held = Run.objects.select_for_update().get(pk=run.pk)
        review = _open_review(held, task, decision)
        if review is None or held.state in RUN_ENDED:
            if _said_already(who, held, task, replace(decision, comment=comment)):
                return held
            if decision.number is not None and _open_review(held, task, replace(decision, number=None)):
                raise Conflict("The answer that you looked at was sent back meanwhile. Look at the newer one below.")
            raise Conflict("No answer of this task waits for a person. Reload the page to see how the run stands.")
        if review.call_id is None and not decision.approved and not comment:
            raise Invalid("Nothing was sent.", fields={"comment": "Say what should be different."})
        review.approved, review.comment, review.decided_by = decision.approved, comment, who.user
        review.decided_at = ClockTimestamp()
        review.save(update_fields=["approved", "comment", "decided_by", "decided_at"])
        if transitions.queue_again(run.pk):
            transaction.on_commit(partial(bell.ring, run.pk))
        else:
            Run.objects.filter(pk=run.pk).update(revision=F("revision") + 1)
        run_changed(run.pk)
    run.refresh_from_db()
    return run


def _open_review(run: Run, task: str, decision: Decision) -> Review | None:
    """What was looked at, if it is still asked. Without a call named, only one that is asked alone is meant."""
    asked = Review.objects.filter(task_run__run=run, task_run__key=task, approved=None)
    if decision.call is not None:
        return asked.filter(call=decision.call).first()
    if decision.number is not None:
        return asked.filter(call=None, number=decision.number).first()
    found = list(asked[:2])
    if len(found) > 1:
        raise Invalid("Nothing was sent.", fields={"call": "This task asks about several calls. Name one."})
    return found[0] if found else None


def _said_already(who: Principal, run: Run, task: str, decision: Decision) -> bool:
    """Whether this very word was given before: a button that is pressed twice says one thing."""
    given = Review.objects.filter(task_run__run=run, task_run__key=task, decided_by=who.user)
    said = given.filter(approved=decision.approved, comment=decision.comment)
    return decision.number is not None and said.filter(number=decision.number).exists()
