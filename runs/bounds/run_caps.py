"""The most that a team gives each of its runs: money, model requests, seconds. A launch may ask for less, not for more.

A run keeps what it was launched with: another cap holds for the runs that are launched from then on.
"""

from __future__ import annotations

from engine.text import counted
from runs.models import Run
from runs.money import dollars
from runs.states import RUN_BUDGET
from teams.models import Team
from teams.texts.times import span

MAX_BOUND = 2_000_000_000
RAISE = "An owner can raise it on the page Limits"


def cap_of(team: Team, bound: str) -> int | None:
    """The team's cap for that bound of a run, such as ``max_calls``; None: no cap."""
    caps: dict[str, int | None] = {"max_calls": team.run_max_calls, "max_seconds": team.run_max_seconds}
    return caps.get(bound)


def capped(team: Team, bound: str, asked: int | None) -> int | None:
    """The bound of a new run: what its launch asks for, else the team's cap."""
    return cap_of(team, bound) if asked is None else asked


def complaint(team: Team, bound: str, asked: int | None) -> str:
    """What is wrong with asking for that much; "" if the team gives a run as much."""
    most = cap_of(team, bound)
    if most is None or asked is None or asked <= most:
        return ""
    return f"Your team gives a run at most {_in_words(bound, most)}. {RAISE}."


def bound_help(team: Team, bound: str) -> str:
    """What an empty field for that bound means; "" if it means no bound."""
    most = cap_of(team, bound)
    return "" if most is None else f"At most {most:,}, also if left empty."


def in_words(team: Team) -> str:
    """All caps in one line: "$5, 500 model requests and 1 hour"; "" without any."""
    words = [] if team.run_budget_nusd is None else [dollars(team.run_budget_nusd)]
    for bound in ("max_calls", "max_seconds"):
        if (most := cap_of(team, bound)) is not None:
            words.append(_in_words(bound, most))
    return " and ".join(part for part in (", ".join(words[:-1]), *words[-1:]) if part)


def what_to_do(run: Run, limit: str) -> str:
    """What to do about a run that ended at its own budget or at another bound of its own; "" for shared budgets."""
    if limit == RUN_BUDGET:
        bound, most = run.budget_nusd, run.team.run_budget_nusd
    elif limit in ("max_calls", "max_tokens", "max_seconds"):
        bound, most = getattr(run, limit), cap_of(run.team, limit)
    else:
        return ""
    if bound is not None and most is not None and bound >= most:
        return f"That is the most that the team gives a run. {RAISE}; then launch this one again."
    return "Launch it again with more, or make the crew need less."


def _in_words(bound: str, most: int) -> str:
    if bound == "max_seconds":
        return span(most)
    return counted(most, "model request")
