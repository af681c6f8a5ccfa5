"""A run's time and waste as its page and the API tell them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from engine.spec.crew_spec import CrewSpec
from runs.models import Review, Run
from runs.run.findings.of_run import CREW, Findings, TaskSums, findings_of
from runs.run.findings.waste import Waste, waste_in
from runs.run.queries import RunDetail, run_detail


@dataclass(frozen=True, slots=True)
class Analysis:
    findings: Findings
    waste: Waste


def analysis_of(run: Run) -> Analysis:
    """Reads what it needs, in a fixed number of queries."""
    spec = CrewSpec.from_json(run.version.spec)
    return analyse(run, spec, run_detail(run), Review.objects.filter(task_run__run=run))


def analyse(run: Run, spec: CrewSpec, detail: RunDetail, reviews: Iterable[Review]) -> Analysis:
    """From what was read: ``reviews`` are all of the run's."""
    sums = {
        row.key or CREW: TaskSums(row.asked_ms, row.tool_ms, row.waited_ms, row.budget_ms, row.nested_ms)
        for row in detail.by_task
    }
    findings = findings_of(run, spec, detail.tasks, detail.times, reviews, sums)
    return Analysis(findings, waste_in(detail.by_class, run.state))
