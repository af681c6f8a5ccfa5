"""What ``verbose=True`` prints while a crew runs: a line for each thing that happens, and the sums at its end.

What models, tools and providers wrote is shown in one short line, without secrets and without control characters.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable
from decimal import Decimal

from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.text import Text

from engine.crewai.results import UsageMetrics, metrics_of
from engine.crewai.terminal import environment_secrets, harmless, without_secrets
from engine.record.journal import CREW_TASK, CallIntent, CallKind, CallOutcome, CallStatus, TaskResult, TaskStatus
from engine.record.progress import CallEnded, CallStarted, Event, TaskEnded, TaskStarted
from engine.spec.crew_spec import CrewSpec

MAX_CHARS = 160
"""Of what a model, a tool or a provider wrote."""
MAX_TITLE_CHARS = 30
LOOKED_AT_CHARS = 20_000
"""Of a long text so many characters are made fit to be shown."""
CENT = Decimal("0.01")
WORDS = {
    TaskStatus.SUCCEEDED: ("done", "green"),
    TaskStatus.FAILED: ("failed", "red"),
    TaskStatus.CANCELLED: ("not done", "yellow"),
    TaskStatus.SKIPPED: ("skipped, because its condition does not hold", "yellow"),
    TaskStatus.WAITING: ("waits for a person", "yellow"),
}


class VerboseRun:
    """Prints one run's events to standard output; an instance is an ``Emit``. It never raises for what it prints.

    ``spec``: the crew with its inputs filled in. ``agents``: keys of the agents whose work is printed; None for all,
    and the sums. ``label``: which of several runs at once this is, "" for the only one.
    """

    def __init__(
        self, spec: CrewSpec, agents: Collection[str] | None, *, secrets: Iterable[str] = (), label: str = ""
    ) -> None:
        self._spec = spec
        self._agents = agents
        self._label = f"{label}  " if label else ""
        self._secrets = [*secrets, *environment_secrets()]
        self._console: Console | None = Console(highlight=False, markup=False, emoji=False)
        self._titles = {task.key: self._shown(task.title, MAX_TITLE_CHARS) for task in spec.tasks}
        self._titles[CREW_TASK] = self._shown(spec.name, MAX_TITLE_CHARS)
        self._width = max(map(cell_len, self._titles.values()))
        self._began_at = time.perf_counter()
        self._begun: dict[str, float] = {}  # when each task began
        self._usage: dict[str, UsageMetrics] = {}

    def __call__(self, event: Event) -> None:
        match event:
            case TaskStarted(task, agent):
                self._task_started(task, agent)
            case TaskEnded(result):
                self._task_ended(result)
            case CallStarted(intent):
                self._call_started(intent)
            case CallEnded(intent, outcome):
                self._call_ended(intent, outcome)

    def ended(self, usage: UsageMetrics, *, error: str = "") -> None:
        """Prints the sums of the run, and why it failed."""
        if self._agents is None:
            words, style = (f"failed: {self._shown(error)}", "red") if error else ("done", "green")
            seconds = time.perf_counter() - self._began_at
            self._print(CREW_TASK, f"{words}, {_sums(seconds, usage)}", f"bold {style}")

    def _task_started(self, key: str, agent_key: str) -> None:
        self._begun[key] = time.perf_counter()
        task, agent = self._spec.task(key), self._spec.agent(agent_key)
        if self._is_told(agent_key):
            who = self._shown(agent.role if agent else agent_key, MAX_TITLE_CHARS)
            self._print(key, f"begun by {who}: {self._shown(task.description if task else '')}")

    def _task_ended(self, result: TaskResult) -> None:
        if self._is_told(self._agent_of(result.task)):
            word, style = WORDS.get(result.status, (result.status.value, ""))
            self._print(result.task, f"{word}{self._details(result)}", style)

    def _details(self, result: TaskResult) -> str:
        if result.task not in self._begun:
            return f": {self._shown(result.error)}" if result.error else ""
        seconds = time.perf_counter() - self._begun[result.task]
        text = self._shown(result.error or result.raw)
        return f", {_sums(seconds, self._usage.get(result.task, UsageMetrics()))}: {text}"

    def _call_started(self, intent: CallIntent) -> None:
        if intent.kind is CallKind.TOOL and self._is_told(intent.agent):
            self._print(intent.task, f"calls {self._tool(intent)} {self._shown(intent.arguments)}".rstrip(), "cyan")

    def _call_ended(self, intent: CallIntent, outcome: CallOutcome) -> None:
        self._usage[intent.task] = self._usage.get(intent.task, UsageMetrics()) + metrics_of(intent, outcome)
        if not self._is_told(intent.agent):
            return
        if intent.kind is CallKind.TOOL:
            self._print(intent.task, self._tool_ended(intent, outcome), "cyan")
        elif outcome.status is not CallStatus.OK:
            self._print(
                intent.task, f"no answer of {self._shown(intent.model)}: {self._shown(outcome.error)}", "yellow"
            )

    def _tool_ended(self, intent: CallIntent, outcome: CallOutcome) -> str:
        took = "reused" if outcome.cache_hit else f"{outcome.latency_ms / 1000:.1f} s"
        if outcome.status is CallStatus.OK:
            return f"{self._tool(intent)} answered ({took}): {self._shown(outcome.tool_output or '')}"
        return f"{self._tool(intent)} failed ({took}): {self._shown(outcome.error)}"

    def _tool(self, intent: CallIntent) -> str:
        return self._shown(intent.tool, MAX_TITLE_CHARS)

    def _agent_of(self, task_key: str) -> str:
        task = self._spec.task(task_key)
        return (task.agent if task else None) or ""

    def _is_told(self, agent: str) -> bool:
        return self._agents is None or agent in self._agents

    def _shown(self, text: str, max_chars: int = MAX_CHARS) -> str:
        """A foreign text as it may be shown: one line, not long, without secrets and control characters."""
        line = harmless(" ".join(without_secrets(text[:LOOKED_AT_CHARS], self._secrets).split()))
        return line if len(line) <= max_chars else f"{line[: max_chars - 1]}…"

    def _print(self, task: str, words: str, style: str = "") -> None:
        if self._console is None:
            return
        seconds = time.perf_counter() - self._began_at
        line = Text.assemble(
            (f"{seconds:7.1f} s  {self._label}", "dim"),
            (f"{set_cell_size(self._titles.get(task, task), self._width)}  ", "bold"),
            (words, style),
        )
        try:
            self._console.print(_writable(line, self._console), soft_wrap=True)
        except (OSError, ValueError):  # nobody reads any more; the run is paid for and goes on
            self._console = None


def _writable(line: Text, console: Console) -> Text:
    """The line; without colours, and with what the console's encoding lacks spelled out, if it lacks something."""
    encoding = getattr(console.file, "encoding", None) or "utf-8"
    try:
        line.plain.encode(encoding)
    except UnicodeEncodeError:
        return Text(line.plain.encode(encoding, "backslashreplace").decode(encoding))
    return line


def _sums(seconds: float, usage: UsageMetrics) -> str:
    requests = f"{usage.successful_requests:,} request{'' if usage.successful_requests == 1 else 's'}"
    tokens = f"{usage.total_tokens:,} token{'' if usage.total_tokens == 1 else 's'}"
    return f"{seconds:.1f} s, {tokens} in {requests}, {_cost(usage.cost_usd)}"


def _cost(usd: Decimal | None) -> str:
    if usd is None:
        return "unpriced"
    return f"${usd:,.4f}" if usd >= CENT else f"${usd:.6f}"
