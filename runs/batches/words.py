"""How the states of batches are said to people."""

from __future__ import annotations

from collections.abc import Mapping

from runs.feeding.batch_bounds import budget_in_words
from runs.models import Batch
from runs.states import BatchPause

WHY_PAUSED = {
    BatchPause.PERSON: "Somebody paused it.",
    BatchPause.FAILURES: (
        "As many of its runs failed as it was to stop at. Look at what they say before it goes on: "
        "whoever lets it launches the rows that wait."
    ),
    BatchPause.BUDGET: "So its budget does not cover another row. Whoever raises it launches the rows that wait.",
    BatchPause.LEFT: (
        "Those who added its rows may no longer launch runs here, or the token that did works no more. "
        "Whoever lets it go on launches them."
    ),
    BatchPause.ARCHIVED: "Its crew is archived.",
}
WHY_STILL = {
    BatchPause.PERSON: "It is paused.",
    BatchPause.FAILURES: "As many of its runs failed as it is to stop at. Name a greater number.",
    BatchPause.BUDGET: "Name a greater budget.",
    BatchPause.LEFT: "Those who added its rows may no longer launch runs here.",
    BatchPause.ARCHIVED: "Its crew is archived, so that no more of it can be launched.",
}


def in_words(batch: Batch, reason: BatchPause, words: Mapping[BatchPause, str]) -> str:
    """``words`` are those of reasons; of a budget the figures come before them."""
    return f"{budget_in_words(batch)} {words[reason]}" if reason == BatchPause.BUDGET else words[reason]
