"""What the model keeps of a team's money: bills by month, what of them is whose, and what a budget still covers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar


class Row:
    """Something that the database keeps as a row; ``FIELDS`` are those that it must agree with the model in."""

    FIELDS: ClassVar[tuple[str, ...]] = ()

    def row(self) -> tuple[Any, ...]:
        return tuple(getattr(self, name) for name in self.FIELDS)

    def take(self, row: tuple[Any, ...]) -> None:
        for name, value in zip(self.FIELDS, row, strict=False):
            setattr(self, name, value)


@dataclass(frozen=True)
class Purse:
    """A budget and what was taken out of it. ``budget`` None is no limit; a closed bill covers nothing."""

    name: str
    budget: int | None
    spent: int
    held: int
    closed: bool = False

    def covers(self, nusd: int) -> bool:
        return not self.closed and (self.budget is None or self.spent + self.held + nusd <= self.budget)

    def would_cover(self, nusd: int) -> bool:
        """If what is in flight turned out to cost nothing."""
        return not self.closed and (self.budget is None or self.spent + nusd <= self.budget)


@dataclass(eq=False, repr=False)
class BillModel(Row):
    """A team's bill of one month or, with a ``person``, what of it is theirs."""

    team: TeamModel
    month: int
    budget: int | None
    person: int | None = None
    closed: bool = False

    @property
    def purse(self) -> Purse:
        calls = [call for call in self.team.calls if not call.run.simulated]
        if self.person is not None:
            calls = [call for call in calls if call.run.person == self.person]
        return Purse(
            "team_budget" if self.person is None else "user_budget",
            self.budget,
            sum(call.booked(self.month) for call in calls),
            sum(call.reserved for call in calls if call.open and call.month == self.month),
            self.closed,
        )

    def row(self) -> tuple[Any, ...]:
        purse = self.purse
        return (purse.budget, purse.spent, purse.held, purse.closed)


@dataclass(eq=False, repr=False)
class TeamModel:
    """``bills`` and ``allowances`` begin at the month's first real call, or when budgets are set, with those that then
    are. ``people`` are its members; ``at_once`` is how many of its runs may be under way.

    ``month`` counts the months that have passed.
    """

    name: str
    people: tuple[int, ...]
    budget: int | None = None
    user_budget: int | None = None
    at_once: int | None = None
    month: int = 0
    bills: dict[int, BillModel] = field(default_factory=dict)
    allowances: dict[tuple[int, int], BillModel] = field(default_factory=dict)
    calls: list[Any] = field(default_factory=list)

    def __repr__(self) -> str:
        return self.name

    def purses(self, person: int) -> list[Purse]:
        """The team's and the person's, this month."""
        bill = self.bills.get(self.month) or BillModel(self, self.month, self.budget)
        own = self.allowances.get((person, self.month)) or BillModel(self, self.month, self.user_budget, person)
        return [bill.purse, own.purse]

    def begin_bill(self) -> None:
        self.bills.setdefault(self.month, BillModel(self, self.month, self.budget))

    def begin_allowance(self, person: int) -> None:
        own = BillModel(self, self.month, self.user_budget, person)
        self.allowances.setdefault((person, self.month), own)

    def closable(self) -> list[BillModel]:
        old = [bill for bill in self.bills.values() if bill.month < self.month and not bill.closed]
        return [bill for bill in old if not bill.purse.held]

    def month_of_corrections(self, month: int) -> int:
        """Which bill takes the difference for a call of that month: what is closed is never changed."""
        bill = self.bills.get(month)
        return self.month if bill is not None and bill.closed else month

    def set_limits(self, budget: int | None, user_budget: int | None) -> bool:
        """Also for the present month; not below what is spent and held already."""
        bill = [self.bills[self.month]] if self.month in self.bills else []
        allowances = [own for (_, month), own in self.allowances.items() if month == self.month]
        if not all(_fits(one, budget) for one in bill) or not all(_fits(one, user_budget) for one in allowances):
            return False
        self.budget, self.user_budget = budget, user_budget
        for one in bill:
            one.budget = budget
        for one in allowances:
            one.budget = user_budget
        self.begin_bill()
        for person in self.people:
            self.begin_allowance(person)
        return True


def _fits(bill: BillModel, budget: int | None) -> bool:
    return budget is None or bill.purse.spent + bill.purse.held <= budget
