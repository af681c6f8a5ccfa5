"""What the page says of a run that waits for a budget: which budget, its figures, and what lets the run go on."""

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
    """One run's wait for one budget."""

    budget: Budget
    needs_nusd: int  # what the next call may cost
    form: ResumeForm
    is_refused: bool  # the form was sent and is shown again
    is_covered: bool  # the run goes on by itself in a moment
    most_nusd: int | None  # the most that the team gives a run; None: no limit

    @property
    def title(self) -> str:
        return BUDGET_TITLES[self.budget.name]

    @property
    def is_own(self) -> bool:
        """Whether it is the run's own budget, which everybody who may launch may raise. The others are for owners."""
        return self.budget.name == RUN_BUDGET

    @property
    def least_nusd(self) -> int:
        """The smallest budget that lets the next call through."""
        return self.budget.spent_nusd + self.budget.reserved_nusd + self.needs_nusd

    @property
    def is_beyond_most(self) -> bool:
        """Whether even the most that the team gives a run is too little, so that an owner has to raise that first."""
        return self.most_nusd is not None and self.least_nusd > self.most_nusd


def budget_wait(run: Run, who: Principal, refused: ResumeForm | None = None) -> BudgetWait | None:
    """None for a run that does not wait for a budget. ``refused`` is a form that is shown again.

    Several budgets may be short. One that is short now is shown, if possible the one that the run has waited for.
    """
    if run.state != RunState.WAITING or run.waiting_for not in BUDGETS:
        return None
    needs_nusd = run.needs_nusd or 0
    all_budgets = budgets.budgets_of(run.pk)
    short = [budget for budget in all_budgets if budget.closed or not budget.covers(needs_nusd)]
    waited_for = [budget for budget in all_budgets if budget.name == run.waiting_for]
    otherwise = (short or waited_for or all_budgets)[0]
    shown = next((budget for budget in short if budget.name == run.waiting_for), otherwise)
    return BudgetWait(
        budget=shown,
        needs_nusd=needs_nusd,
        form=refused or ResumeForm(initial=_suggestion(shown, needs_nusd, who.team.run_budget_nusd)),
        is_refused=refused is not None,
        is_covered=not short,
        most_nusd=who.team.run_budget_nusd,
    )


def _suggestion(budget: Budget, needs_nusd: int, most_nusd: int | None) -> dict[str, object]:
    """Twice the budget, or what the next call needs if that is more, but at most what the team gives a run."""
    wanted = max(2 * (budget.budget_nusd or 0), budget.spent_nusd + budget.reserved_nusd + needs_nusd)
    return {"budget_usd": to_usd(wanted if most_nusd is None else min(wanted, most_nusd))}
