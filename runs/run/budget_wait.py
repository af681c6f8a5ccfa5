"""What the run's page says of a run that waits for a budget: which, how far it stands, and what lets the run go on."""

from __future__ import annotations

from dataclasses import dataclass

from runs.bounds import budgets
from runs.bounds.budgets import Budget
from runs.models import Run
from runs.money import to_usd
from runs.run.forms import ResumeForm
from runs.states import BUDGETS, RUN_BUDGET, RunState
from runs.words import BUDGET_TITLES
from teams.access import Principal


@dataclass(frozen=True, slots=True)
class BudgetWait:
    """``least_nusd`` is the smallest budget that lets the next call through; ``most_nusd`` what the team gives a run at
    most. ``is_covered``: it goes on by itself in a moment."""

    budget: Budget
    needs_nusd: int
    form: ResumeForm
    is_refused: bool
    is_covered: bool
    most_nusd: int | None

    @property
    def title(self) -> str:
        return BUDGET_TITLES[self.budget.name]

    @property
    def is_own(self) -> bool:
        """Whether it is the run's own budget, which whoever runs crews may raise; the others are for owners."""
        return self.budget.name == RUN_BUDGET

    @property
    def least_nusd(self) -> int:
        return self.budget.spent_nusd + self.budget.reserved_nusd + self.needs_nusd

    @property
    def is_beyond_most(self) -> bool:
        """Whether even the team's most for a run is too little, so that an owner has to raise that first."""
        return self.most_nusd is not None and self.least_nusd > self.most_nusd


def budget_wait(run: Run, who: Principal, refused: ResumeForm | None = None) -> BudgetWait | None:
    """None for a run that does not wait for a budget. ``refused`` is a raise that was not accepted, shown again.

    Two budgets may be short at once: the one that is short now is shown, whichever the run first waited for.
    """
    if run.state != RunState.WAITING or run.waiting_for not in BUDGETS:
        return None
    needs_nusd = run.needs_nusd or 0
    over = budgets.budgets_of(run.pk)
    short = [one for one in over if one.closed or not one.covers(needs_nusd)]
    named = [one for one in over if one.name == run.waiting_for]
    budget = next((one for one in short if one.name == run.waiting_for), (short or named or over)[0])
    return BudgetWait(
        budget=budget,
        needs_nusd=needs_nusd,
        form=refused or ResumeForm(initial=_suggestion(budget, needs_nusd, who.team.run_budget_nusd)),
        is_refused=refused is not None,
        is_covered=not short,
        most_nusd=who.team.run_budget_nusd,
    )


def _suggestion(budget: Budget, needs_nusd: int, most_nusd: int | None) -> dict[str, object]:
    """Twice the budget, or what the next call needs if that is more, within what the team gives a run."""
    wanted = max(2 * (budget.budget_nusd or 0), budget.spent_nusd + budget.reserved_nusd + needs_nusd)
    return {"budget_usd": to_usd(wanted if most_nusd is None else min(wanted, most_nusd))}
