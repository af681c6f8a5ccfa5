"""What people do with runs: launch them, cancel them, answer what they ask."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from runs.launch.actions import launch
from runs.launch.order import LaunchOrder
from runs.models import Run
from runs.money import to_nusd
from runs.run.actions import Decision, decide, request_cancel
from teams.models import AtLimit
from teams.refusals import Conflict, Invalid
from tests.runs.protocol.model import Question, RunModel, TaskModel
from tests.runs.protocol.purses import Purse
from tests.runs.protocol.stage import TEAM_OF, Stage, act
from tests.runs.protocol.world import TASKS

MAX_RUNS = 3
KEYS = (None, None, "k1", "k2")
BUDGETS_USD = (None, None, "0.01081", "0.0108", "0.025", "0.025", "0.05", "0")
COMPANIES = ("Acme", "Acme", "Acme", "Other", None)


class PeopleActs(Stage):
    @act(when=lambda self: len(self.runs) < MAX_RUNS)
    def launch(self) -> None:
        self.launch_run(
            person=self.pick("person", (0, 0, 2, 1)),
            key=self.pick("key", KEYS),
            budget=self.pick("budget", BUDGETS_USD),
            company=self.pick("company", COMPANIES),
            simulated=self.pick("simulated", (False, False, False, True)),
            racing=self.pick("racing", (1, 1, 3)),
            at_limit=self.pick("at limit", (AtLimit.PAUSE, AtLimit.STOP)),
        )

    def launch_run(
        self,
        *,
        person: int = 0,
        key: str | None = None,
        budget: str | None = None,
        company: str | None = "Acme",
        simulated: bool = False,
        racing: int = 1,
        at_limit: str = AtLimit.PAUSE,
    ) -> None:
        """Identical requests that race are one where they have a key."""
        order = LaunchOrder(
            inputs={"company": company} if company else {},
            budget_usd=None if budget is None else Decimal(budget),
            simulated=simulated,
            at_limit=at_limit,
            accept_unpriced=True,  # prices come and go here
        )
        team = self.teams[TEAM_OF[person]]
        asked = [lambda: self._launch(person, order, key)] * (racing if key else 1)
        answers = self.world.together(asked) if len(asked) > 1 else [asked[0]()]
        earlier = next((run for run in self.runs if key and (run.team, run.key) == (team, key)), None)
        if earlier is not None:
            promised = earlier.id if earlier.order == order else "conflict"
            self.expect("launch", "a key is one launch", set(answers), {promised})
        elif budget == "0" or company is None:
            self.expect("launch", "an order with mistakes is refused", set(answers), {"invalid"})
        elif not simulated and any(_used_up(purse) for purse in team.purses(person)):
            self.expect("launch", "no run is launched for money that is used up", set(answers), {"invalid"})
        else:
            self.expect("launch", "equal launches are one run", len(set(answers)), 1)
            self._launched(answers[0], person, order, key)

    def _launch(self, person: int, order: LaunchOrder, key: str | None) -> Any:
        try:
            who, crew = self.world.fresh(person), self.world.crews[TEAM_OF[person]]
            return launch(who, crew, order, idempotency_key=key).pk
        except Conflict:
            return "conflict"
        except Invalid:
            return "invalid"

    def _launched(self, run_id: Any, person: int, order: LaunchOrder, key: str | None) -> None:
        run = RunModel(
            id=run_id,
            name=f"run{len(self.runs) + 1}",
            team=self.teams[TEAM_OF[person]],
            person=person,
            order=order,
            key=key,
            simulated=bool(order.simulated),
            budget=None if order.budget_usd is None else to_nusd(order.budget_usd),
            tasks={task: TaskModel() for task in TASKS},
        )
        self.runs.append(run)

    @act(weight=5, when=lambda self: any(run.questions for run in self.runs))
    def answer(self) -> None:
        yes, exact = self.pick("yes", (True, False)), self.pick("exact", (True, False))
        comment = self.pick("comment", ("why", ""))
        asked = [(run, question) for run in self.runs for question in run.questions.values()]
        run, question = self.pick("question", asked)
        decision = Decision(approved=yes, comment=comment)
        if exact:
            number = None if question.call else question.number
            decision = Decision(approved=yes, comment=comment, number=number, call=question.call)
        promised = _promised_answer(run, question, decision)
        who = self.world.fresh(run.person)
        try:
            decide(who, Run.objects.get(pk=run.id), question.task, decision)
            answer = "taken"
        except Conflict:
            answer = "conflict"
        except Invalid:
            answer = "invalid"
        self.expect(
            "answer", "an open question is answered once", answer, "taken" if promised == "said already" else promised
        )
        if promised == "taken":
            meant = question if exact else _open_questions(run, question.task)[0]
            meant.approved, meant.comment = yes, comment
            run.queue_again()

    @act(rare=True, when=lambda self: self.runs)
    def cancel(self) -> None:
        run = self.pick("run", self.runs)
        who = self.world.fresh(run.person)
        try:
            request_cancel(who, Run.objects.get(pk=run.id))
            answer = "asked"
        except Conflict:
            answer = "conflict"
        self.expect("cancel", "a run that has not ended may be cancelled", answer, "conflict" if run.ended else "asked")
        if not run.ended:
            run.request_cancel()


def _used_up(purse: Purse) -> bool:
    return purse.budget is not None and purse.spent >= purse.budget


def _open_questions(run: RunModel, task: str) -> list[Question]:
    return [question for question in run.questions.values() if question.task == task and question.approved is None]


def _promised_answer(run: RunModel, question: Question, decision: Decision) -> str:
    """Of several open questions one must be named; one that was answered is a conflict, unless by the same word."""
    waiting = _open_questions(run, question.task)
    exact = decision.number is not None or decision.call is not None
    if not exact and len(waiting) > 1:
        return "invalid"
    if run.ended or (question.approved is not None if exact else not waiting):
        return _promised_repeat(run, question, decision, waiting)
    meant = question if exact else waiting[0]
    if meant.call is None and not decision.approved and not decision.comment:
        return "invalid"
    return "taken"


def _promised_repeat(run: RunModel, question: Question, decision: Decision, waiting: list[Question]) -> str:
    word = (decision.number, decision.approved, decision.comment)
    said = [(q.number, q.approved, q.comment) for q in run.questions.values() if q.task == question.task]
    if decision.number is not None and word in said:
        return "said already"
    return "invalid" if decision.number is not None and len(waiting) > 1 else "conflict"
