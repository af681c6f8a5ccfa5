"""Runs a crew: starts each task as soon as the tasks that it waits for have ended, and collects the results.

So a run takes as long as its longest chain of calls. Its state is in one ``CrewRun`` and in the journal.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from engine.cache import Kept
from engine.concurrency import cancel_all
from engine.crew.assignment import do_task
from engine.crew.booking import booked
from engine.crew.manager import manager_of
from engine.crew.model_calls import Calls
from engine.crew.output import condition_holds
from engine.crew.planning import plan_tasks, with_plan
from engine.crew.runtime import Runtime
from engine.errors import Cancelled, EngineError, InvalidCrew, LimitReached, TooMuchWork, WaitingForPerson
from engine.record.journal import CallIntent, CallKind, CallOutcome, CallStatus, Purpose, TaskResult, TaskStatus
from engine.record.progress import TaskEnded, TaskStarted
from engine.record.request_key import content_key, in_order
from engine.spec.crew_spec import AgentSpec, CrewSpec, TaskSpec
from engine.spec.placeholders import missing_inputs, with_inputs
from engine.spec.plan import make_plan
from engine.spec.size import filling_fault
from engine.spec.validate import Complaint, validate
from engine.text import is_storable

REUSE_BRANCH = "reuse"
"""The branch in which the reuse of a whole output is booked: the task's own may hold calls of an attempt cut off."""


@dataclass(frozen=True, slots=True)
class CrewResult:
    """How a crew ended, or that it is ``waiting`` for a person.

    ``raw`` and ``data`` are the output of the last task that has one; ``results`` are in task order.
    """

    status: TaskStatus
    raw: str
    data: Any
    results: tuple[TaskResult, ...]
    error: str = ""
    error_code: str = ""


async def run_crew(
    spec: CrewSpec, inputs: Mapping[str, str], runtime: Runtime, *, was_saved: bool = False
) -> CrewResult:
    """Runs the crew to its end. If a task fails, so do the crew and the tasks that read its output; the others finish.

    ``was_saved``: the spec was validated when it was frozen (see ``validate``).
    Raises ``InvalidCrew`` before anything is spent. Raises ``LimitReached``, ``Cancelled``, or what planning failed
    with, once the calls in flight are settled.
    """
    await asyncio.to_thread(refuse_invalid, spec, inputs, runtime, was_saved=was_saved)
    return await CrewRun(with_inputs(spec, inputs), runtime).run()


def refuse_invalid(spec: CrewSpec, inputs: Mapping[str, str], runtime: Runtime, *, was_saved: bool = False) -> None:
    """Raises ``InvalidCrew`` with all complaints about the spec and its inputs. Blocks, as ``validate`` does."""
    found = validate(spec, tools=runtime.tools.names, was_saved=was_saved)
    complaints = [item for item in found if item.level == "error"]
    complaints += [
        Complaint(f"inputs.{name}", "This input is missing.", "missing_input") for name in missing_inputs(spec, inputs)
    ]
    complaints += [
        Complaint(f"inputs.{name}", "This holds a NUL character or half of a character. Remove it.", "unstorable_input")
        for name, value in inputs.items()
        if not is_storable(value)
    ]
    if fault := filling_fault(spec, inputs):
        complaints.append(Complaint("inputs", fault, "too_large"))
    if complaints:
        raise InvalidCrew(tuple(complaints))


class CrewRun:
    """One run under way: how its ended tasks ended, and which tasks are running."""

    def __init__(self, spec: CrewSpec, runtime: Runtime) -> None:
        self._spec = spec
        self._runtime = runtime
        self._tasks = {task.key: task for task in spec.tasks}
        self._plan = make_plan(spec)
        self._plan_texts: dict[str, str] = {}
        self._manager = manager_of(spec) if spec.process == "hierarchical" else None
        self._results: dict[str, TaskResult] = {}  # of tasks that have ended
        self._waiting: dict[str, TaskResult] = {}  # of tasks that wait for a person
        self._jobs: dict[asyncio.Task[TaskResult], str] = {}
        self._halt: LimitReached | Cancelled | None = None  # ends the run once its jobs have ended

    async def run(self) -> CrewResult:
        """Runs until every task has a result or waits. Whatever is raised, no task goes on running."""
        try:
            if self._spec.planning:
                self._plan_texts = await plan_tasks(self._spec, self._plan, self._runtime)
            while len(self._results) < len(self._spec.tasks):
                if self._halt is None:
                    self._start_ready()
                if not self._jobs:
                    break  # the run must stop, or every task left waits for a person or for a task that does
                done, _ = await asyncio.wait(self._jobs, return_when=asyncio.FIRST_COMPLETED)
                for job in done:
                    await self._collect(job)
        finally:
            await cancel_all(self._jobs)
        if self._halt is not None:
            raise self._halt
        return self._result()

    async def _collect(self, job: asyncio.Task[TaskResult]) -> None:
        """Takes over the result of a job that ended.

        If it met a limit or was cancelled, the other jobs are not stopped: what they have in flight is paid for, and
        their next call meets the same.
        """
        key = self._jobs.pop(job)
        try:
            result = job.result()
        except (LimitReached, Cancelled) as halt:
            self._halt = self._halt or halt
            return
        await self._keep(key, result)

    def _start_ready(self) -> None:
        started = {*self._results, *self._waiting, *self._jobs.values()}
        for key in self._plan.ready(done=self._results, started=started):
            self._jobs[asyncio.create_task(self._run_task(self._tasks[key]), name=f"task {key}")] = key

    async def _keep(self, key: str, result: TaskResult) -> None:
        """Keeps the result; if the task failed, cancels the tasks that need its output."""
        if result.status is TaskStatus.WAITING:
            self._waiting[key] = result
            return
        self._results[key] = result
        if result.status not in (TaskStatus.FAILED, TaskStatus.CANCELLED):
            return
        for other in self._plan.dependents(key):
            if other not in self._results:
                message = f"Not started, because it reads the output of {key!r}, which failed."
                cancelled = TaskResult(other, TaskStatus.CANCELLED, error=message, error_code="dependency_failed")
                self._results[other] = cancelled
                await self._record(cancelled)

    async def _run_task(self, task: TaskSpec) -> TaskResult:
        recorded = await self._runtime.journal.finished_task(task.key)
        if recorded is not None:
            return recorded
        agent = self._manager or self._spec.agent(task.agent)
        assert agent is not None
        if (result := await self._result_without_running(task)) is not None:
            return await self._record(result)
        await self._runtime.journal.task_started(task.key, agent.key)
        self._runtime.emit(TaskStarted(task.key, agent.key))
        task = with_plan(task, self._plan_texts)
        return await self._record(await self._reuse_or_do(task, agent))

    async def _result_without_running(self, task: TaskSpec) -> TaskResult | None:
        """The result of a task that its condition keeps from running, else None."""
        if task.condition is None:
            return None
        effort = self._runtime.effort.of_task()
        try:
            holds = await condition_holds(task.condition, self._results[task.condition.task].raw, effort)
        except TooMuchWork as error:
            return TaskResult(task.key, TaskStatus.FAILED, error=str(error), error_code=error.code)
        return None if holds else TaskResult(task.key, TaskStatus.SKIPPED)

    async def _reuse_or_do(self, task: TaskSpec, agent: AgentSpec) -> TaskResult:
        if task.cache_ttl_s is None:
            return await self._do(task, agent)
        key = self._output_key(task, agent)
        booked_before = await self._runtime.journal.finished_call(task.key, 0, branch=REUSE_BRANCH)
        # What was reused and booked before a worker was lost may be reused again, however old it is by now.
        ttl_s = task.cache_ttl_s if booked_before is None else float("inf")
        try:
            kept = await self._runtime.outputs.get(key, ttl_s=ttl_s, make=lambda: self._do_for_cache(task, agent))
        except _NotReusable as exception:
            return exception.result
        if kept.reused and booked_before is None:
            await self._book_reuse(task, agent, kept)
        result: TaskResult = kept.value
        return replace(result, task=task.key, cache_key="" if kept.reused else key)

    async def _do_for_cache(self, task: TaskSpec, agent: AgentSpec) -> TaskResult:
        result = await self._do(task, agent)
        if result.status is not TaskStatus.SUCCEEDED:
            raise _NotReusable(result)
        return result

    async def _book_reuse(self, task: TaskSpec, agent: AgentSpec, kept: Kept) -> None:
        simulated = self._runtime.llm.simulates(agent.llm)
        intent = CallIntent(
            task.key, agent.key, 0, 1, CallKind.TASK, branch=REUSE_BRANCH, simulated=simulated, reuses=True
        )
        async with booked(self._runtime, intent) as booking:
            booking.outcome = CallOutcome(
                CallStatus.OK, cache_hit=True, cache_age_s=kept.age_s, saved_usd=kept.cost_usd
            )

    def _output_key(self, task: TaskSpec, agent: AgentSpec) -> str:
        """The same for tasks whose output is decided by the same things: the task, who does it, and what it reads."""
        crew = [member.to_json() for member in self._spec.agents] if self._manager or agent.allow_delegation else []
        work = task.model_dump(mode="json", exclude={"key", "name", "cache_ttl_s", "context", "condition"})
        simulated = self._runtime.llm.simulates(agent.llm)
        return content_key("task", simulated, in_order(work), agent.to_json(), crew, self._context(task))

    async def _do(self, task: TaskSpec, agent: AgentSpec) -> TaskResult:
        """The task's result: its answer, or why there is none. Raises only what ends the run."""
        purpose = Purpose.MANAGER if self._manager else Purpose.WORK
        calls = Calls(
            self._runtime,
            task.key,
            agent,
            crew_rpm=self._spec.max_rpm,
            use_cache=self._spec.cache,
            purpose=purpose,
            effort=self._runtime.effort.of_task(),
        )
        deadline = asyncio.timeout(agent.max_execution_time_s)
        try:
            async with deadline:
                answer = await do_task(calls, self._spec, task, self._context(task))
        except (Cancelled, LimitReached):
            raise
        except WaitingForPerson as waiting:
            return TaskResult(task.key, TaskStatus.WAITING, raw=str(waiting))
        except TimeoutError:
            if not deadline.expired():
                raise
            message = f"The agent did not finish within its {agent.max_execution_time_s:g} s."
            return TaskResult(task.key, TaskStatus.FAILED, error=message, error_code="max_execution_time")
        except EngineError as error:
            return TaskResult(task.key, TaskStatus.FAILED, error=str(error), error_code=error.code)
        return TaskResult(task.key, TaskStatus.SUCCEEDED, raw=answer.raw, data=answer.data, note=answer.note)

    async def _record(self, result: TaskResult) -> TaskResult:
        await self._runtime.journal.task_ended(result)
        self._runtime.emit(TaskEnded(result))
        return result

    def _context(self, task: TaskSpec) -> list[tuple[str, str]]:
        """(title, output) of the tasks that this one reads."""
        return [(self._tasks[key].title, self._results[key].raw) for key in self._plan.context[task.key]]

    def _result(self) -> CrewResult:
        by_key = self._results | self._waiting
        results = tuple(by_key.get(task.key) or TaskResult(task.key, TaskStatus.PENDING) for task in self._spec.tasks)
        if self._waiting:
            return CrewResult(TaskStatus.WAITING, "", None, results)
        failed = [result for result in results if result.status in (TaskStatus.FAILED, TaskStatus.CANCELLED)]
        last = next((result for result in reversed(results) if result.status is TaskStatus.SUCCEEDED), None)
        if failed:
            first = failed[0]
            message = f"The task {first.task!r} failed: {first.error}"
            return CrewResult(TaskStatus.FAILED, "", None, results, message, first.error_code)
        return CrewResult(TaskStatus.SUCCEEDED, last.raw if last else "", last.data if last else None, results)


class _NotReusable(Exception):
    """Carries a result past the cache, because later runs must not reuse it."""

    def __init__(self, result: TaskResult) -> None:
        super().__init__(result.error)
        self.result = result
