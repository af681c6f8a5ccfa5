"""Each fence of the protocol, and how to take it away: with any of them gone the machine must find a broken promise."""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from typing import Any

import pytest

from runs.ledger import call_lines, journal, transitions
from runs.models import Run
from runs.worker import claim

IS_FREE = " AND (lease_until IS NULL OR lease_until < clock_timestamp())"
IS_MINE = " AND lease_epoch = %(epoch)s"
STILL_HOLDS = "run.lease_epoch = call.epoch AND "

NEW_EPOCH = "claim: a new epoch"
PLACE, TEAM_LOCK = "claim: a place", "claim: the team's lock"
STATEMENTS = {
    "claim: the lease": (claim, "CLAIM", IS_FREE),
    PLACE: (claim, "CLAIM", " AND " + claim.HAS_PLACE.as_string()),
    TEAM_LOCK: (claim, "LOOK", "pg_advisory_xact_lock"),
    NEW_EPOCH: (claim, "CLAIM", "lease_epoch = lease_epoch + 1,"),
    "beat": (claim, "BEAT", IS_MINE),
    "open a call": (call_lines, "OPEN", IS_MINE),
    "settle a call": (call_lines, "READ_TO_SETTLE", STILL_HOLDS),
    "start a task": (journal, "START_TASK", IS_MINE),
    "end a task": (journal, "END_TASK", IS_MINE),
}
VERBS = ("end", "pause", "release")
ASK = "ask a person"
FENCES = (*STATEMENTS, *VERBS, ASK)

GUARDED = {
    "claim: the lease": ("claim_any",),
    PLACE: ("claim_any",),
    TEAM_LOCK: ("launch", "claim_several"),
    NEW_EPOCH: ("claim",),
    "beat": ("beat",),
    "open a call": ("open_call",),
    "settle a call": ("settle_call",),
    "start a task": ("start_tasks",),
    "end a task": ("end_task",),
    "end": ("end",),
    "pause": ("set_aside",),
    "release": ("release",),
    ASK: ("ask_person",),
}
"""What each fence is for: with it gone that is done more often, so that a control takes seconds."""


def take_away(fence: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if fence in STATEMENTS:
        module, name, condition = STATEMENTS[fence]
        statement = getattr(module, name)
        assert condition in statement, "the statement was written otherwise: this would take nothing away"
        monkeypatch.setattr(module, name, statement.replace(condition, ""))
    elif fence == ASK:
        asked = journal.LedgerJournal._ask_person
        monkeypatch.setattr(journal.LedgerJournal, "_ask_person", lambda one, *given: asked(_at_present(one), *given))
    elif fence == "release":
        release = claim.release
        monkeypatch.setattr(claim, "release", lambda leases: release([(pk, _epoch(pk)) for pk, _ in leases]))
    else:
        monkeypatch.setattr(transitions, fence, _unfenced(getattr(transitions, fence)))


def _unfenced(verb: Callable[..., bool]) -> Callable[..., bool]:
    """Does it whatever epoch the run is at."""

    def done(run: Run, **fields: Any) -> bool:
        run = copy(run)
        run.lease_epoch = _epoch(run.pk)
        return verb(run, **fields)

    return done


def _epoch(run_id: Any) -> int:
    return Run.objects.values_list("lease_epoch", flat=True).get(pk=run_id)


def _at_present(journal: Any) -> Any:
    journal = copy(journal)
    journal._epoch = _epoch(journal._run_id)
    return journal
