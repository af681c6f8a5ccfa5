"""What people do with a run: ask it to stop, answer what its tasks ask, and pin it as its crew's baseline."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from uuid import UUID

from django.db import transaction
from django.db.models import F, QuerySet

from engine.text import storable
from runs.ledger import transitions
from runs.live.notify import run_changed
from runs.models import ClockTimestamp, PinnedRun, Review, Run
from runs.states import RUN_ENDED
from runs.worker import bell
from teams.access import Principal, require
from teams.audit.record import record
from teams.models import Role
from teams.refusals import Conflict, Invalid

MAX_COMMENT_CHARS = 20_000


def request_cancel(who: Principal, run: Run) -> Run:
    """Ends a queued run at once; asks a running one to end, which gets a few seconds to settle its call.

    ``Conflict`` if the run has ended.
    """
    require(who, Role.RUNNER)
    if run.state in RUN_ENDED:
        raise Conflict(f"This run has already {run.state}.")
    with transaction.atomic():
        asked = Run.objects.filter(pk=run.pk, cancel_requested_at=None).update(
            cancel_requested_at=ClockTimestamp(), revision=F("revision") + 1
        )
        if asked:
            record(who, "run.cancelled", run, name=run.called)
        transitions.end_unclaimed(run.pk)
        run_changed(run.pk)
    run.refresh_from_db()
    return run


@transaction.atomic
def pin(who: Principal, run: Run) -> Run:
    """Makes it the baseline of its crew for runs of its kind, in the place of an earlier one. ``Conflict`` for a run
    that has not ended."""
    require(who, Role.RUNNER)
    if not run.ended:
        raise Conflict("This run has not ended yet. Pin it once it has.")
    values = {"run": run, "pinned_by": who.user}
    PinnedRun.objects.update_or_create(crew_id=run.crew_id, simulated=run.simulated, defaults=values)
    record(who, "run.pinned", run, name=run.called)
    return run


@transaction.atomic
def unpin(who: Principal, run: Run) -> Run:
    """The crew has no baseline any more, if this run was it."""
    require(who, Role.RUNNER)
    if PinnedRun.objects.filter(run=run).delete()[0]:
        record(who, "run.unpinned", run, name=run.called)
    return run


@dataclass(frozen=True, slots=True)
class Decision:
    """What a person says to an open question of a task: about its answer, a lost tool call, or a request to be sent."""

    approved: bool  # False sends the answer back, or keeps the request back; of a lost call: whether it was carried out
    comment: str = ""  # what should be different: the agent is told this
    number: int | None = None  # which answer the person looked at; None: the one that is asked about now
    call: UUID | None = None  # which lost call; None if the question is about something else, or is the only one
    step: str | None = None  # which request, always to be named; None if the question is about something else


def decide(who: Principal, run: Run, task: str, decision: Decision) -> Run:
    """Answers the open question of a task. The run goes on at once, or as soon as its worker has set it aside.

    ``Conflict`` if the question is no longer open.
    """
    require(who, Role.RUNNER)
    comment = storable(decision.comment).strip()
    if len(comment) > MAX_COMMENT_CHARS:
        raise Invalid("Nothing was sent.", fields={"comment": f"At most {MAX_COMMENT_CHARS:,} characters."})
    with transaction.atomic():
        # The run is locked first, as where a worker sets it aside: otherwise each side could overlook the other.
        locked = Run.objects.select_for_update().get(pk=run.pk)
        review = _open_review(locked, task, decision)
        if review is None or locked.state in RUN_ENDED:
            if _said_already(who, locked, task, replace(decision, comment=comment)):
                return locked
            if decision.number is not None and _open_reviews(locked, task).filter(call=None, step="").exists():
                raise Conflict("The answer that you looked at was sent back meanwhile. Look at the newer one below.")
            raise Conflict("No answer of this task waits for a person. Reload the page to see how the run stands.")
        if review.call_id is None and not decision.approved and not comment:
            raise Invalid("Nothing was sent.", fields={"comment": "Say what should be different."})
        review.approved, review.comment, review.decided_by = decision.approved, comment, who.user
        review.decided_at = ClockTimestamp()
        review.save(update_fields=["approved", "comment", "decided_by", "decided_at"])
        record(
            who, "run.decided", locked, name=locked.called, task=task, about=review.about, approved=decision.approved
        )
        if transitions.queue_again(run.pk):
            transaction.on_commit(partial(bell.ring, run.pk))
        else:
            Run.objects.filter(pk=run.pk).update(revision=F("revision") + 1)
        run_changed(run.pk)
    run.refresh_from_db()
    return run


def _open_reviews(run: Run, task: str) -> QuerySet[Review]:
    return Review.objects.filter(task_run__run=run, task_run__key=task, approved=None)


def _open_review(run: Run, task: str, decision: Decision) -> Review | None:
    """The question that the decision is about, if it is still open. ``Invalid`` if that cannot be told."""
    reviews = _open_reviews(run, task)
    if decision.call is not None:
        return reviews.filter(call=decision.call).first()
    if decision.number is not None:
        return reviews.filter(call=None, step="", number=decision.number).first()
    if decision.step is not None:
        return reviews.filter(step=storable(decision.step)).exclude(step="").first()
    first_two = list(reviews[:2])
    if len(first_two) > 1:
        raise Invalid("Nothing was sent.", fields={"call": "This task asks several questions. Name the call or step."})
    if any(review.about == "request" for review in first_two):
        message = "This task asks whether a request may be sent. Read the request, and name its step."
        raise Invalid("Nothing was sent.", fields={"step": message})
    return first_two[0] if first_two else None


def _said_already(who: Principal, run: Run, task: str, decision: Decision) -> bool:
    """Whether this person has decided exactly this before: a button that is pressed twice counts once."""
    decided = Review.objects.filter(task_run__run=run, task_run__key=task, decided_by=who.user)
    same = decided.filter(approved=decision.approved, comment=decision.comment)
    if decision.step is not None:
        return same.filter(step=storable(decision.step)).exclude(step="").exists()
    return decision.number is not None and same.filter(number=decision.number, step="").exists()
