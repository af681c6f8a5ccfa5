"""What is said about schedules and their times."""

from __future__ import annotations

from collections.abc import Mapping

from engine.text import counted
from runs.schedules.times_kept import TimeCounts
from runs.states import ScheduleOff, TimeOutcome
from teams.refusals import Refusal
from teams.texts.times import span

MISSED = "No worker was at work at that time."
BUG = "It could not be launched, by a fault of Crewsite's own. Its log has it."
STILL_UNDER_WAY = "The launch before was still under way."
ANOTHER_WAITS = "Another one waits already for the launch before to end."
WAITS = "It waits for the launch before to end."
WENT_OFF = "The schedule went off before the launch before had ended."

OFF: Mapping[ScheduleOff, str] = {
    ScheduleOff.PERSON: "Somebody turned it off.",
    ScheduleOff.LEFT: (
        "Whoever it belongs to may no longer launch runs here, or the token that set it works no more. "
        "Whoever turns it on owns it."
    ),
    ScheduleOff.ARCHIVED: "Its crew or its data set is archived.",
    ScheduleOff.NEVER: "None of its times is still to come.",
}
OUTCOMES: Mapping[TimeOutcome, str] = {
    TimeOutcome.LAUNCHED: "launched",
    TimeOutcome.REFUSED: "refused",
    TimeOutcome.SKIPPED: "left out",
    TimeOutcome.MISSED: "missed",
    TimeOutcome.WAITING: "waits",
    TimeOutcome.ASKED: "launched by hand",
    TimeOutcome.OFF: "turned off",
}


def late(by_s: float, missed: int) -> str:
    """Of a launch that stands for times that were missed."""
    others = (
        f", and for {counted(missed, 'time')} before that {'was' if missed == 1 else 'were'} missed" if missed else ""
    )
    return f"Launched {span(max(1, round(by_s / 60)) * 60)} late{others}."


def in_time_for(missed: int) -> str:
    return f"It stands for {counted(missed, 'time')} before too that {'was' if missed == 1 else 'were'} missed."


def caught_up(in_words: str) -> str:
    return f"{MISSED} The launch of {in_words} stands for it."


def counted_times(counts: TimeCounts) -> str:
    """Of all its times so far, what was launched first and then what there was of the others."""
    others = {
        "left out": counts.skipped,
        "or more missed" if counts.more_missed else "missed": counts.missed,
        "refused": counts.refused,
        "turned off": counts.off,
    }
    said = [f"{counted(counts.launched, 'time')} launched", *(f"{n:,} {word}" for word, n in others.items() if n)]
    return f"{', '.join(said)}."


def refused(refusal: Refusal) -> str:
    """The refusal with what it says of fields, the first few of them."""
    fields = [f"{name}: {said}" for name, said in list(refusal.fields.items())[:3]]
    return " ".join([refusal.message, *fields])[:2000]
