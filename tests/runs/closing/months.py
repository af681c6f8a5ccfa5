"""A month with all that a bill can hold, written row by row: two crews, labels, people, tokens, waste, late figures."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from agents_app.actions import create_crew
from agents_app.models import Crew
from engine.catalogue.pricing import Usage
from engine.providers.llm import LLMReply
from engine.record.journal import CallOutcome, CallStatus
from runs.ledger import call_lines, rollups
from runs.models import Allowance, Bill, Call, Correction, PriceQuote, Run
from runs.models.call import CALL_PARTS
from runs.money import to_usd
from runs.states import RunState
from teams.actions import issue_token
from tests.cast import Cast, brief_spec, make_crew
from tests.ledger import make_call, make_run
from tests.runs.books import last_month

LOST = {"state": "unknown", "cost_class": "failed", "prompt_tokens": 0, "completion_tokens": 0}


def day_of(month: date, day: int) -> datetime:
    return datetime(month.year, month.month, day, 12, tzinfo=UTC)


def book_late(lost: Call, nusd: int = 100_000) -> None:
    """The exact figure of a call of unknown outcome comes to the ledger."""
    answer = LLMReply(text="Late.", usage=Usage(prompt_tokens=40), model="gpt-4o")
    outcome = CallOutcome(CallStatus.OK, reply=answer, usage=answer.usage, cost_usd=to_usd(nusd))
    with transaction.atomic():
        line = call_lines.line_to_settle(lost.pk)
        assert line is not None
        call_lines.settle(line, outcome, fresh=False)
    lost.refresh_from_db()


class Month:
    """A month of a team, over and not closed: the last one, unless it is said. ``lost`` is a call of it whose exact
    figure is not known yet."""

    def __init__(self, cast: Cast, month: date | None = None) -> None:
        self.cast, self.month = cast, month or last_month()
        self.quote, _ = PriceQuote.objects.get_or_create(
            team=cast.team, model="gpt-4o", input_usd_per_mtok="2.5", output_usd_per_mtok="10"
        )
        self.crew = make_crew(cast.owner)
        self.other = create_crew(cast.owner, name="=Other «crew»", spec=brief_spec())
        token, _ = issue_token(cast.editor, name="-nightly")
        one = self._run(self.crew, metadata={"customer": "Acme", "project": "A"})
        self._call(one, 1, parts=(250_000, 0, 0, 500_000))
        unpriced = {"cost_nusd": None, "input_usd_per_mtok": None, "output_usd_per_mtok": None, "quote": None}
        self._call(one, 2, model="acme-7b", **unpriced)
        self._call(one, 3, attempt=2, cost_class="retry")
        failed = self._run(self.other, state=RunState.FAILED, metadata={"customer": "none"}, api_token=token)
        self._call(failed, 4, credential="openai: default")
        self._call(failed, 5, kind="tool", tool="search", model="", cost_nusd=0, prompt_tokens=0, completion_tokens=0)
        self.lost = self._call(failed, 6, **LOST, cost_nusd=600_000, reserved_nusd=600_000)
        late = self._call(failed, 7, state="late", cost_class="duplicate", reserved_nusd=900_000)
        Correction.objects.create(call=late, booked_nusd=900_000, cost_nusd=750_000, month=self.month)
        nobody = self._run(self.crew, created_by=None)
        self._call(
            nobody, 28, cost_nusd=1, prompt_tokens=0, completion_tokens=0, provider_nusd=1, provider_is_booked=True
        )
        self.live = self._run(self.crew, state=RunState.RUNNING, metadata={"customer": "Zürich"})
        self._call(self.live, 9)
        simulated = self._run(self.crew, simulated=True)
        self._call(simulated, 10, simulated=True, cost_nusd=5_000_000)
        self.sum_up()

    def sum_up(self) -> None:
        real = Call.objects.filter(team=self.cast.team, simulated=False)
        for run in Run.objects.filter(team=self.cast.team):
            costs = list(Call.objects.filter(run=run).values_list("cost_nusd", flat=True))
            sums = {"spent_nusd": sum(nusd or 0 for nusd in costs), "unpriced_calls": costs.count(None)}
            Run.objects.filter(pk=run.pk).update(**sums)
        for month in {self.month, *real.values_list("billed_month", flat=True)}:
            spent = sum(call.cost_nusd or 0 for call in real.filter(billed_month=month))
            booked = {"spent_nusd": spent}
            Bill.objects.update_or_create(team=self.cast.team, month=month, defaults=booked)
            Allowance.objects.update_or_create(
                team=self.cast.team, month=month, user=self.cast.runner.user, defaults=booked
            )
        rollups.rebuild(self.cast.team.pk)

    def book_late(self, nusd: int = 100_000) -> None:
        """The exact figure of ``lost`` comes now, and this month takes the difference."""
        book_late(self.lost, nusd)

    def _run(self, crew: Crew, **fields: Any) -> Run:
        began = day_of(self.month, 1)
        fields = {"started_at": began, "created_at": began} | fields
        if fields.get("state") == RunState.RUNNING:
            fields |= {"lease_owner": "worker", "lease_until": timezone.now() + timedelta(hours=1), "lease_epoch": 1}
        return make_run(self.cast.runner, crew, **fields)

    def _call(self, run: Run, day: int, *, parts: tuple[int, ...] = (), **fields: Any) -> Call:
        began = day_of(self.month, day)
        kept = {f"{name}_nusd": 0 for name in CALL_PARTS} if parts else {}
        kept |= {f"{name}_nusd": nusd for name, nusd in zip(CALL_PARTS, parts, strict=False)}
        usual = {"billed_month": self.month, "started_at": began, "finished_at": began + timedelta(seconds=1)}
        return make_call(run, step=day, **(usual | kept | {"quote": self.quote} | fields))
