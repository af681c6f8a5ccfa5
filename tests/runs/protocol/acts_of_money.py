"""What happens to money and time: budgets and prices change, bills close, months pass, and the sweeper comes by."""

from __future__ import annotations

from decimal import Decimal

from runs.limits.actions import TeamLimits, resume, set_limits
from runs.models import Run
from runs.money import to_nusd
from runs.worker import sweeper
from teams.refusals import Conflict, Invalid
from tests.runs.protocol.model import BUDGETS, RunModel, places, wake_covered
from tests.runs.protocol.stage import Stage, act
from tests.runs.protocol.world import DEAR_USD

TEAM_BUDGETS_USD = (None, None, None, "0.0108", "0.025", "0.06")
AT_ONCE = (None, 1, 1, 2)
NEW_BUDGETS_USD = (None, None, "0.012", "0.025", "0.06", "1")
SHARED = ("team_budget", "user_budget")
PRICES_USD = ("1.25", "2.5", DEAR_USD)


class MoneyActs(Stage):
    @act(rare=True)
    def change_limits(self) -> None:
        team = self.pick("team", (0, 1))
        self.set_limits(
            team,
            self.pick("budget", TEAM_BUDGETS_USD),
            self.pick("of each person", TEAM_BUDGETS_USD),
            at_once=self.pick("at once", AT_ONCE),
        )

    @act(weight=3, when=lambda self: any(run.waiting_for in SHARED for run in self.runs))
    def raise_limits(self) -> None:
        """Of the team for whose money a run waits."""
        run = self.pick("run", [run for run in self.runs if run.waiting_for in SHARED])
        budgets = (None, "0.05", "0.1")
        self.set_limits(
            self.teams.index(run.team),
            self.pick("budget", budgets),
            self.pick("of each person", budgets),
            at_once=run.team.at_once,
        )

    def set_limits(
        self, team: int, budget_usd: str | None, user_budget_usd: str | None, *, at_once: int | None
    ) -> None:
        """From now on, but not below what is spent; what waited for money goes on where it may."""
        budget, user_budget = _usd(budget_usd), _usd(user_budget_usd)
        limits = TeamLimits(budget_usd=budget, user_budget_usd=user_budget, runs_at_once=at_once)
        try:
            set_limits(self.world.owners[team], limits)
            answer = "set"
        except Invalid:
            answer = "invalid"
        done = self.teams[team].set_limits(_nusd(budget), _nusd(user_budget))
        self.expect("limits", "a budget is not below what is spent of it", answer, "set" if done else "invalid")
        if done:
            self.teams[team].at_once = at_once
            self._wake()

    @act(weight=3, when=lambda self: any(run.waiting_for in BUDGETS for run in self.runs))
    def resume(self) -> None:
        run = self.pick("run", [run for run in self.runs if run.waiting_for in BUDGETS])
        self._resume(run, _usd(self.pick("budget", NEW_BUDGETS_USD)))

    @act(rare=True, when=lambda self: self.runs)
    def resume_any(self) -> None:
        """Also one that does not wait may be given another budget."""
        self._resume(self.pick("run", self.runs), _usd(self.pick("budget", NEW_BUDGETS_USD)))

    def _resume(self, run: RunModel, budget_usd: Decimal | None) -> None:
        promised = _promised_resumption(run, _nusd(budget_usd))
        try:
            resume(self.world.fresh(run.person), Run.objects.get(pk=run.id), budget_usd=budget_usd)
            answer = "resumed"
        except Conflict:
            answer = "conflict"
        except Invalid:
            answer = "invalid"
        self.expect("resume", "a run goes on once its next call is covered", answer, promised)
        if promised == "resumed":
            run.budget = run.budget if budget_usd is None else to_nusd(budget_usd)
            self._go_on(run)

    def _go_on(self, run: RunModel) -> None:
        """Once everything covers it; else it waits for what does not."""
        if run.waiting_for not in BUDGETS:
            return
        short = [purse.name for purse in run.purses() if not purse.covers(run.needs or 0)]
        if short:
            run.waiting_for = short[0]
        else:
            run.queue_again()

    @act(rare=True)
    def change_price(self) -> None:
        """From the next claim on: what was opened keeps its price."""
        self.world.set_price(self.pick("team", (0, 1)), self.pick("price", PRICES_USD))

    @act(rare=True, when=lambda self: any(team.bills for team in self.teams))
    def let_a_month_pass(self) -> None:
        team = self.pick("team", [team for team in (0, 1) if self.teams[team].bills])
        self.world.let_a_month_pass(team)
        self.teams[team].month += 1

    @act(weight=2, when=lambda self: any(team.closable() for team in self.teams))
    def close_bills(self) -> None:
        """Of past months with nothing in flight."""
        team = self.pick("team", [team for team in (0, 1) if self.teams[team].closable()])
        self.world.close_bills(team)
        for bill in self.teams[team].closable():
            bill.closed = True
            self.seen["bill closed"] += 1

    @act(weight=2, when=lambda self: self.runs)
    def sweep(self) -> None:
        """Rings for what is idle, closes what zombies left open in runs that ended, wakes what waited for money.

        In this order: of a run that it wakes, the sweep does not note that it was rung for.
        """
        if self.pick("a lease later", (True, False)):
            self._let_a_lease_pass()
        sweeper.sweep()
        for run in self.runs:
            kept_back = run.state == "queued" and not places(run.team, self.runs)
            if run.claimable and run.rung_long_ago and not kept_back:
                run.rung_long_ago = False
                self.seen["rung again"] += 1
            if run.ended_long_ago and any(call.open for call in run.calls):
                self.seen["closed after the end"] += 1
                run.close_calls()
        self._wake()

    def _wake(self) -> None:
        self.seen["woken"] += len(wake_covered(self.runs))

    def _let_a_lease_pass(self) -> None:
        """Since the last bell, and since the end of runs that ended."""
        self.world.let_bells_fade()
        self.world.let_a_lease_pass()
        for run in self.runs:
            run.rung_long_ago, run.ended_long_ago = True, run.ended


def _promised_resumption(run: RunModel, budget: int | None) -> str:
    waits = run.waiting_for in BUDGETS
    if run.ended or (budget is None and not waits):
        return "conflict"
    own = run.purses()[0]
    if budget is None:
        return "resumed" if all(purse.covers(run.needs or 0) for purse in run.purses()) else "conflict"
    too_low = own.spent + own.held > budget
    still_short = run.waiting_for == own.name and own.spent + (run.needs or 0) > budget
    return "invalid" if too_low or still_short else "resumed"


def _usd(amount: str | None) -> Decimal | None:
    return None if amount is None else Decimal(amount)


def _nusd(amount: Decimal | None) -> int | None:
    return None if amount is None else to_nusd(amount)
