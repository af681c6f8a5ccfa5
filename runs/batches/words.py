"""How the states of batches are said to people."""

from __future__ import annotations

from runs.states import BatchPause

WHY_PAUSED = {
    BatchPause.PERSON: "Somebody paused it.",
    BatchPause.FAILURES: "As many of its runs failed as it was to stop at. Look at what they say before it goes on.",
    BatchPause.BUDGET: "Its budget does not cover another row. Raise it, and it goes on.",
    BatchPause.LEFT: (
        "Whoever launched it may no longer launch runs here, or the token that did works no more. "
        "Whoever lets it go on launches its rows."
    ),
    BatchPause.ARCHIVED: "Its crew is archived.",
}
WHY_STILL = {
    BatchPause.PERSON: "It is paused.",
    BatchPause.FAILURES: "As many of its runs failed as it is to stop at. Name a greater number.",
    BatchPause.BUDGET: "Its budget still does not cover another row. Name a greater one.",
    BatchPause.LEFT: "Whoever launched it may no longer launch runs here, or the token that did works no more.",
    BatchPause.ARCHIVED: "Its crew is archived, so that no more of it can be launched.",
}
