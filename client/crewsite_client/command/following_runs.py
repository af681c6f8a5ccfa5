"""Watching a run or a batch: a picture that moves where somebody looks, else a line for each change."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from rich.console import Group
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from crewsite_client import Crewsite
from crewsite_client.answers import RUN_ENDED, BatchSummary, Run, Task
from crewsite_client.command import codes
from crewsite_client.command.figures import about, counted, span, usd
from crewsite_client.command.here import Stop
from crewsite_client.command.screen import Screen, one_line, styled, table
from crewsite_client.errors import Refused, Unreachable
from crewsite_client.following import is_at_rest

DONE = ("succeeded", "failed", "skipped", "cancelled")
WAITS = {
    "queue": "a worker",
    "runs_at_once": "other runs of the team",
    "person": "a person's decision",
    "run_budget": "its own budget",
    "team_budget": "the team's budget",
    "user_budget": "somebody's budget",
    "budget": "a budget",
    "rate_limit": "the provider's rate limit",
    "retry": "another try",
}


class Interrupted(Stop):
    """Ctrl-C: who watched stopped, and nothing else did."""

    def __init__(self, what: str, going: Sequence[str], urls: Sequence[str] = ()) -> None:
        """``going``: the ids of what goes on."""
        lines = [f"The {what} {'goes' if len(going) == 1 else 'go'} on without you.", *(f"  {url}" for url in urls)]
        for identity in going:
            lines.append(f"  crewsite watch {identity}   follows it again")
            lines.append(f"  crewsite cancel {identity}  stops it")
            if what != "run":
                lines.append(f"  crewsite results {identity} -o FILE  writes its rows")
        super().__init__("\n".join(lines), codes.INTERRUPTED, "interrupted")


def follow_run(screen: Screen, site: Crewsite, run_id: str, *, url: str = "", timeout_s: float | None = None) -> Run:
    """The run as it ended. Raises ``StillGoing`` after the time, and ``Interrupted``."""
    run: Run | None = None
    try:
        with _shown(screen) as show:
            for run in site.events(run_id, timeout_s=timeout_s):
                show(run)
    except KeyboardInterrupt:
        raise Interrupted("run", [run_id], [run["url"] if run else url]) from None
    assert run is not None  # else it raised
    return run


@contextmanager
def _shown(screen: Screen) -> Iterator[Any]:
    if not screen.is_watched:
        seen: dict[str, str] = {}
        yield lambda run: _tell_changes(screen, run, seen)
        return
    picture = _Picture()
    with Live(picture, console=screen.err, refresh_per_second=8, transient=False) as live:
        yield picture.take
        live.refresh()
    screen.say()


class _Picture:
    """A run as it stands; drawn again and again, since its time goes on between two changes."""

    def __init__(self) -> None:
        self.run: Run | None = None
        self.since = time.monotonic()

    def take(self, run: Run) -> None:
        self.run, self.since = run, time.monotonic()

    def __rich__(self) -> Group:
        if self.run is None:
            return Group(Text("Asking …", style="dim"))
        run = self.run
        lines: list[Table | Text] = [_headline(run), _tasks(run)]
        if run["status"] not in RUN_ENDED and run["waits"]:
            lines.append(Text(f"waits for {_waits(run)}", style="yellow"))
        if run["error"]:
            lines.append(Text(one_line(run["error"]["message"], 400), style="red"))
        return Group(*lines)


def _headline(run: Run) -> Table:
    done = sum(task["status"] in DONE for task in run["tasks"])
    words = Text.assemble(f"{one_line(run['crew'])}@{run['version']} ", styled(run["status"]))
    if run["simulated"]:
        words.append(" simulated", style="dim")
    figures = [span(_took(run)), usd(run["usage"]["cost_usd"]), f"{run['usage']['total_tokens']:,} tokens"]
    grid = Table.grid(padding=(0, 2))
    tasks = counted(len(run["tasks"]), "task")
    grid.add_row(words, _bar(done, len(run["tasks"])), Text(f"{done} of {tasks}"), *figures)
    return grid


def _took(one: Run | Task) -> float | None:
    """Milliseconds: so far by this machine's clock, where it still goes on."""
    if one["duration_ms"] is not None or one["started_at"] is None or one["finished_at"] is not None:
        return one["duration_ms"]
    begun = datetime.fromisoformat(one["started_at"])
    return max(0.0, (datetime.now(UTC) - begun).total_seconds() * 1000)


def _bar(done: int, of: int, width: int = 20) -> Text:
    full = round(width * done / of) if of else 0
    return Text.assemble(("━" * full, "green"), ("━" * (width - full), "dim"))


def _tasks(run: Run) -> Table:
    rows = [
        [
            task["name"] or task["key"],
            task["agent"],
            styled(task["status"]),
            span(_took(task)),
            usd(task["usage"]["cost_usd"]),
            f"{task['usage']['total_tokens']:,}",
        ]
        for task in run["tasks"]
    ]
    return table(["task", "agent", "", "time", "cost", "tokens"], rows, right=(3, 4, 5))


def _waits(run: Run) -> str:
    found = []
    for wait in run["waits"]:
        what = WAITS.get(wait["for"], one_line(wait["for"]))
        ahead = f" ({wait['ahead']} ahead)" if wait["ahead"] else ""
        found.append(f"{what}{ahead}" + (f" at {one_line(wait['task'])}" if wait["task"] else ""))
    return ", ".join(dict.fromkeys(found))


def _tell_changes(screen: Screen, run: Run, seen: dict[str, str]) -> None:
    waits = "" if run["status"] in RUN_ENDED else _waits(run)
    state = run["status"] + (f", waits for {waits}" if waits else "")
    if seen.get("") != state:
        seen[""] = state
        screen.say(f"{run['crew']}@{run['version']}", state, usd(run["usage"]["cost_usd"]))
    for task in run["tasks"]:
        if seen.get(task["key"], "pending") != task["status"]:
            seen[task["key"]] = task["status"]
            took = "" if task["duration_ms"] is None else span(task["duration_ms"])
            screen.say(" ", one_line(task["key"]), task["status"], took)


def run_code(run: Run) -> int:
    return codes.GOOD if run["status"] == "succeeded" else codes.FAILED


def follow_batches(
    screen: Screen, site: Crewsite, ids: list[str], *, timeout_s: float | None = None, every_s: float = 1.5
) -> list[BatchSummary]:
    """The batches once nothing of them goes on. Raises ``StillGoing`` after the time, and ``Interrupted``.

    Each has a stream of events, and a thread that reads it. ``every_s``: between two looks, where there is no stream.
    """
    ended: dict[str, BatchSummary] = {}
    told_of: queue.SimpleQueue[tuple[str, BatchSummary | BaseException]] = queue.SimpleQueue()

    def read(one: str) -> None:
        try:
            for state in _states(site, one, timeout_s, every_s):
                told_of.put((one, state))
        except BaseException as fault:  # noqa: BLE001 - raised where it is waited for
            told_of.put((one, fault))

    try:
        with _progress(screen) as show:
            for one in set(ids):
                threading.Thread(target=read, args=(one,), daemon=True).start()
            while len(ended) < len(set(ids)):  # a server may name the same one twice
                one, state = told_of.get()
                if isinstance(state, BaseException):
                    raise state
                show(state)
                if is_at_rest(state):
                    ended[one] = state
    except KeyboardInterrupt:
        going = [one for one in ids if one not in ended]
        raise Interrupted("batch" if len(going) == 1 else "batches", going) from None
    return [ended[one] for one in ids]


def _states(site: Crewsite, one: str, timeout_s: float | None, every_s: float) -> Iterator[BatchSummary]:
    """By events; where the server gives none, by asking again and again."""
    until = None if timeout_s is None else time.monotonic() + timeout_s
    try:
        yield from site.batch_events(one, timeout_s=timeout_s)
    except (Refused, Unreachable):
        left = None if until is None else max(0.0, until - time.monotonic())
        yield from site.batch_states(one, every_s=every_s, timeout_s=left)


@contextmanager
def _progress(screen: Screen) -> Iterator[Any]:
    if not screen.is_watched:
        seen: dict[str, str] = {}
        yield lambda batch: _tell_batch(screen, batch, seen)
        return
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=30),
        MofNCompleteColumn(),
        TextColumn("{task.fields[told]}", markup=False),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=screen.err) as progress:
        bars: dict[str, Any] = {}

        def show(batch: BatchSummary) -> None:
            if batch["id"] not in bars:
                bars[batch["id"]] = progress.add_task(_batch_name(batch), total=batch["total"], told="")
            progress.update(bars[batch["id"]], total=batch["total"], completed=ended_rows(batch), told=told(batch))

        yield show


def _tell_batch(screen: Screen, batch: BatchSummary, seen: dict[str, str]) -> None:
    line = f"{ended_rows(batch)} of {batch['total']}, {told(batch)}"
    if seen.get(batch["id"]) != line:
        seen[batch["id"]] = line
        screen.say(_batch_name(batch), line)


def _batch_name(batch: BatchSummary) -> str:
    return f"{one_line(batch['crew'])}@{batch['version']}"


def ended_rows(batch: BatchSummary) -> int:
    return batch["succeeded"] + batch["failed"] + batch["cancelled"]


def told(batch: BatchSummary) -> str:
    """What of a batch is not in its bar."""
    words = [f"{batch['live']} at once"] if batch["live"] else []
    words += [f"{batch['failed']} failed"] if batch["failed"] else []
    words += [f"{batch['cancelled']} cancelled"] if batch["cancelled"] else []
    words.append(usd(batch["usage"]["cost_usd"]))
    if batch["status"] == "paused":
        words.append(f"paused ({one_line(batch['paused_for'] or '')})")
    elif batch["left_ms"] and not is_at_rest(batch):
        words.append(f"about {about(batch['left_ms'])} left")
    return ", ".join(words)


def batch_code(batch: BatchSummary) -> int:
    if batch["status"] == "paused":
        return codes.NOT_ENDED
    return codes.GOOD if batch["succeeded"] == batch["total"] else codes.FAILED
