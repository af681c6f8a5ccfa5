"""The machine with everything that may be done: one run is under way when an example begins."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, TypeVar

from hypothesis import strategies as st
from hypothesis.stateful import initialize

from tests.runs.protocol.acts_of_calls import CallActs
from tests.runs.protocol.acts_of_money import AT_ONCE, TEAM_BUDGETS_USD, MoneyActs
from tests.runs.protocol.acts_of_people import BUDGETS_USD, PeopleActs
from tests.runs.protocol.facts import Facts
from tests.runs.protocol.world import TASKS, World

T = TypeVar("T")


class ProtocolMachine(PeopleActs, MoneyActs, CallActs):
    @initialize(
        team_budget=st.sampled_from(TEAM_BUDGETS_USD),
        user_budget=st.sampled_from(TEAM_BUDGETS_USD),
        budget=st.sampled_from(BUDGETS_USD[:-1]),
        at_once=st.sampled_from(AT_ONCE),
    )
    def begin(self, team_budget: str | None, user_budget: str | None, budget: str | None, at_once: int | None) -> None:
        """A run under way: else half of all steps would go by with nothing to do."""
        self.set_limits(0, team_budget, user_budget, at_once=at_once)
        self.launch_run(budget=budget)
        self.claim_run(self.runs[0])
        self.start(self.workers[0], list(TASKS))


def machine(world: World, *, strict: bool = True, favourites: tuple[str, ...] = ()) -> type[ProtocolMachine]:
    given = {"world": world, "facts": Facts(world), "strict": strict, "favourites": favourites, "seen": Counter()}
    return type("Machine", (ProtocolMachine,), given)


class ToldMachine(ProtocolMachine):
    """Does what it is told where the other goes by numbers: for stories that show the same thing each time."""

    def tell(self, step: str, **said: Any) -> None:
        """Does this step, and looks at all promises after it. ``said`` are choices by their label; of each other
        the first is taken.
        """
        act = getattr(self, step).act
        assert act.when(self), f"{step} is not possible here: the story has to be told otherwise"
        self._said = {label.replace("_", " "): choice for label, choice in said.items()}
        getattr(self, step)()
        assert not self._said, "nobody asked for this choice"
        self.all_promises_are_kept()

    def pick(self, label: str, candidates: Sequence[T]) -> T:
        picked = self._said.pop(label, candidates[0])
        assert picked in candidates, f"{label}: {picked!r} is not possible here"
        return picked  # type: ignore[no-any-return]


def told_machine(world: World) -> type[ToldMachine]:
    """Each that is made of it stands where an example begins, with nothing done yet."""
    return type("Told", (ToldMachine,), {"world": world, "facts": Facts(world), "seen": Counter()})
