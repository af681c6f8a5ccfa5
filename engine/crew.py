"""Runs a crew: schedules the tasks of a plan, each as soon as what it waits for has ended, and gathers their results.

The time of a run is the time of its longest chain of calls. State lives in one ``CrewRun`` and in the journal.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from engine.agent_loop import do_task
from engine.calls import TaskCalls
from engine.errors import Cancelled, EngineError, InvalidCrew, LimitReached
from engine.events import TaskEnded, TaskStarted
from engine.journal import TaskResult, TaskStatus
from engine.output import condition_holds
from engine.placeholders import fill
from engine.plan import make_plan
from engine.runtime import Runtime
from engine.spec import AgentSpec, CrewSpec, TaskSpec
from engine.validate import Complaint, missing_inputs, validate

__all__ = ["CrewOutput", "Runtime", "run_crew"]


@dataclass(frozen=True, slots=True)
class CrewOutput:
    """How a crew ended. ``raw`` and ``data`` are those of its last task that gave an output; ``results`` in task
    order.
    """

    status: TaskStatus
    raw: str
    data: Any
    results: tuple[TaskResult, ...]
    error: str = ""
    error_code: str = ""


async def run_crew(spec: CrewSpec, inputs: Mapping[str, str], runtime: Runtime) -> CrewOutput:
    """Runs the crew to its end. One task's failure fails what reads its output and the crew, and lets the others
    finish.

    Raises ``InvalidCrew`` before anything is spent, ``LimitReached`` and ``Cancelled`` after settling calls in flight.
    """
    refuse_invalid(spec, inputs, runtime)
    return await CrewRun(_filled(spec, dict(spec.inputs) | dict(inputs)), runtime).run()


def refuse_invalid(spec: CrewSpec, inputs: Mapping[str, str], runtime: Runtime) -> None:
    """Raises ``InvalidCrew`` with all complaints about the spec and all inputs that are missing."""
    complaints = [item for item in validate(spec, tools=runtime.tools.names) if item.level == "error"]
    complaints += [
        Complaint(f"inputs.{name}", "This input is missing.", "missing_input") for name in missing_inputs(spec, inputs)
    ]
    if complaints:
        raise InvalidCrew(tuple(complaints))


class CrewRun:
    """One run under way: which tasks ended how, and which are being done."""

    def __init__(self, spec: CrewSpec, runtime: Runtime) -> None:
        self._spec = spec
        self._runtime = runtime
        self._plan = make_plan(spec)
        self._results: dict[str, TaskResult] = {}
        self._jobs: dict[asyncio.Task[TaskResult], str] = {}

    async def run(self) -> CrewOutput:
        """Until every task has a result. Whatever is raised, no task is left behind."""
        try:
            while len(self._results) < len(self._spec.tasks):
                self._start_ready()
                done, _ = await asyncio.wait(self._jobs, return_when=asyncio.FIRST_COMPLETED)
                for job in done:
                    await self._take(self._jobs.pop(job), job.result())
        finally:
            await self._stop_jobs()
        return self._output()

    def _start_ready(self) -> None:
        started = {*self._results, *self._jobs.values()}
        for key in self._plan.ready(done=self._results, started=started):
            task = self._spec.task(key)
            assert task is not None
            self._jobs[asyncio.create_task(self._do(task), name=f"task {key}")] = key

    async def _take(self, key: str, result: TaskResult) -> None:
        self._results[key] = result
        if result.status not in (TaskStatus.FAILED, TaskStatus.CANCELLED):
            return
        for other in self._plan.dependents(key):
            if other not in self._results:
                message = f"Not started, because it reads the output of {key!r}, which failed."
                cancelled = TaskResult(other, TaskStatus.CANCELLED, error=message, error_code="dependency_failed")
                self._results[other] = cancelled
                await self._record(cancelled)

    async def _do(self, task: TaskSpec) -> TaskResult:
        kept = await self._runtime.journal.finished_task(task.key)
        if kept is not None:
            return kept
        agent = self._spec.agent(task.agent)
        assert agent is not None
        if task.condition and not condition_holds(task.condition, self._results[task.condition.task].raw):
            return await self._record(TaskResult(task.key, TaskStatus.SKIPPED))
        await self._runtime.journal.task_started(task.key, agent.key)
        self._runtime.emit(TaskStarted(task.key, agent.key))
        return await self._record(await self._attempt(task, agent))

    async def _attempt(self, task: TaskSpec, agent: AgentSpec) -> TaskResult:
        calls = TaskCalls(self._runtime, task.key, agent, crew_rpm=self._spec.max_rpm, use_cache=self._spec.cache)
        try:
            async with asyncio.timeout(agent.max_execution_time_s):
                answer = await do_task(calls, task, self._context(task))
        except (Cancelled, LimitReached):
            raise
        except TimeoutError:
            message = f"The agent did not finish within its {agent.max_execution_time_s:g} s."
            return TaskResult(task.key, TaskStatus.FAILED, error=message, error_code="max_execution_time")
        except EngineError as error:
            return TaskResult(task.key, TaskStatus.FAILED, error=str(error), error_code=error.code)
        return TaskResult(task.key, TaskStatus.SUCCEEDED, raw=answer.raw, data=answer.data)

    async def _record(self, result: TaskResult) -> TaskResult:
        await self._runtime.journal.task_ended(result)
        self._runtime.emit(TaskEnded(result))
        return result

    def _context(self, task: TaskSpec) -> list[tuple[str, str]]:
        outputs = []
        for key in self._plan.context[task.key]:
            source = self._spec.task(key)
            assert source is not None
            outputs.append((source.title, self._results[key].raw))
        return outputs

    def _output(self) -> CrewOutput:
        results = tuple(self._results[task.key] for task in self._spec.tasks)
        failed = [result for result in results if result.status in (TaskStatus.FAILED, TaskStatus.CANCELLED)]
        last = next((one for one in reversed(results) if one.status is TaskStatus.SUCCEEDED), None)
        if failed:
            first = failed[0]
            message = f"The task {first.task!r} failed: {first.error}"
            return CrewOutput(TaskStatus.FAILED, "", None, results, message, first.error_code)
        return CrewOutput(TaskStatus.SUCCEEDED, last.raw if last else "", last.data if last else None, results)

    async def _stop_jobs(self) -> None:
        for job in self._jobs:
            job.cancel()
        while self._jobs:
            # A second cancellation of the run must not leave calls unsettled either.
            await asyncio.wait(self._jobs)
            self._jobs = {job: key for job, key in self._jobs.items() if not job.done()}


def _filled(spec: CrewSpec, inputs: Mapping[str, str]) -> CrewSpec:
    agents = tuple(
        agent.model_copy(update={name: fill(getattr(agent, name), inputs) for name in ("role", "goal", "backstory")})
        for agent in spec.agents
    )
    tasks = tuple(
        task.model_copy(update={name: fill(getattr(task, name), inputs) for name in ("description", "expected_output")})
        for task in spec.tasks
    )
    return spec.model_copy(update={"agents": agents, "tasks": tasks})
