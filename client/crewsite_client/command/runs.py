"""``crewsite launch``, ``runs``, ``watch`` and ``cancel``."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from itertools import islice
from typing import Any

import click

from crewsite_client import NotFound
from crewsite_client.answers import Run, RunSummary
from crewsite_client.asks import LaunchOptions
from crewsite_client.command import codes
from crewsite_client.command.figures import moment, span, usd
from crewsite_client.command.files.reading import read_object, read_text
from crewsite_client.command.following_runs import batch_code, follow_batches, follow_run, run_code
from crewsite_client.command.here import Here, Stop, asks_server
from crewsite_client.command.names import CREW, crew_and_version, is_id
from crewsite_client.command.screen import Screen, one_line, styled


class Usd(click.ParamType[Decimal]):
    name = "usd"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Decimal:
        try:
            amount = Decimal(str(value).removeprefix("$"))
        except InvalidOperation:
            amount = Decimal("NaN")
        if not amount.is_finite() or amount < 0:
            self.fail(f"{value!r} is no amount in dollars.", param, ctx)
        return amount


USD = Usd()


@click.command(short_help="Launch a run.")
@click.argument("crew", type=CREW)
@click.option("-i", "--input", "inputs", multiple=True, metavar="NAME=VALUE", help="A value; @FILE reads it of a file.")
@click.option("--inputs", "file", type=click.Path(exists=True, dir_okay=False), help="All of them, as a JSON object.")
@click.option("--budget", type=USD, help="The run stops before it would spend more.")
@click.option("--label", "labels", multiple=True, metavar="NAME=VALUE", help="For bills and filters (tag:NAME).")
@click.option("--wait", is_flag=True, help="Watch it to its end; the exit code says how that was.")
@click.option("--timeout", type=click.FloatRange(min=0), metavar="SECONDS", help="With --wait: no longer than that.")
@click.option("--idempotency-key", "key", help="The same key launches the same run once.")
@asks_server
def launch(
    here: Here,
    crew: str,
    inputs: Sequence[str],
    file: str | None,
    wait: bool,
    timeout: float | None,
    **options: Any,
) -> int:
    """Launch a run of CREW, or of CREW@VERSION. Without --wait it prints the run's id alone."""
    slug, version = crew_and_version(crew)
    bounds = LaunchOptions(version=version, budget_usd=options["budget"], metadata=named(options["labels"]))
    launched = here.site.launch(slug, inputs_of(file, inputs), key=options["key"], **bounds)
    for warning in launched["warnings"]:
        here.screen.say(warning, style="yellow")
    if wait:
        here.screen.say(launched["url"], style="dim")
        run = follow_run(here.screen, here.site, launched["id"], url=launched["url"], timeout_s=timeout)
        show_run(here.screen, run)
        return run_code(run)
    if here.screen.as_json:
        here.screen.document(launched)
    else:
        here.screen.say(launched["url"], style="dim")
        here.screen.text(launched["id"])
    return codes.GOOD


def named(pairs: Sequence[str]) -> dict[str, str]:
    """``("a=1", "b=2")`` by their names. Raises ``Stop``."""
    found = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name:
            raise Stop(f"{pair!r}: write NAME=VALUE.")
        found[name] = value
    return found


def by_input(pairs: Sequence[str]) -> dict[str, str]:
    """``COLUMN=INPUT`` as which column fills an input. Raises ``Stop`` where two fill the same."""
    found: dict[str, str] = {}
    for column, name in named(pairs).items():
        if name in found:
            raise Stop(f"Two columns fill the input {name!r}.")
        found[name] = column
    return found


def inputs_of(file: str | None, pairs: Sequence[str]) -> dict[str, Any]:
    """Those of a file, and those that were named, which count before. Raises ``Stop``."""
    return {**_object(file), **_values(pairs)}


def _values(inputs: Sequence[str]) -> dict[str, str]:
    values = named(inputs)
    for name, value in values.items():
        if value.startswith("@"):
            try:
                values[name] = read_text(value[1:])
            except Stop as fault:
                raise Stop(f"{fault.message} (A value that begins with @ is given by --inputs.)") from fault
    return values


def _object(file: str | None) -> dict[str, Any]:
    return {} if file is None else read_object(file)


def show_run(screen: Screen, run: Run) -> None:
    """An ended run as the command's answer: what it gave, and nothing else on standard output."""
    if screen.as_json:
        screen.document(run)
    elif run["output"]:
        screen.text(run["output"]["raw"])
    if run["status"] != "succeeded":
        why = f": {run['error']['message']}" if run["error"] else "."
        screen.say(f"The run {run['status']}{why}", style="red")
        screen.say(run["url"], style="dim")


@click.command(short_help="List runs by a filter.")
@click.argument("words", nargs=-1, metavar="[FILTER]...")
@click.option("-n", "--limit", type=click.IntRange(1, 10_000), default=20, show_default=True, help="At most so many.")
@click.option("--sort", default="newest", show_default=True, help="As on the page: cost, duration, oldest ...")
@asks_server
def runs(here: Here, words: Sequence[str], limit: int, sort: str) -> int:
    """List runs by the filter of the page, such as: crewsite runs crew:support status:failed since:7d"""
    found = list(islice(here.site.runs(" ".join(words), sort=sort), limit))
    if here.screen.as_json:
        here.screen.document({"items": found})
    elif not found:
        here.screen.say("No run fits.", style="dim")
    else:
        heads = ["run", "crew", "", "launched (UTC)", "time", "cost", "tokens", "rating"]
        shown = len(heads) if any(run["rating"] for run in found) else len(heads) - 1
        here.screen.table(heads[:shown], (_row(run)[:shown] for run in found), right=range(3, shown), spare=(6, 3, 4))
    return codes.GOOD


def _row(run: RunSummary) -> list[object]:
    rating = run["rating"]
    return [
        run["id"],
        f"{one_line(run['crew'], 40)}@{run['version']}" + (" ~" if run["simulated"] else ""),
        styled(run["status"]),
        moment(run["created_at"]),
        span(run["duration_ms"]),
        usd(run["usage"]["cost_usd"]),
        f"{run['usage']['total_tokens']:,}",
        f"{rating['mean']:.1f}" if rating else "",
    ]


@click.command(short_help="Watch a run or a batch to its end.")
@click.argument("identity", metavar="RUN|BATCH")
@click.option("--timeout", type=click.FloatRange(min=0), metavar="SECONDS", help="No longer than that.")
@asks_server
def watch(here: Here, identity: str, timeout: float | None) -> int:
    """Watch a run or a batch to its end; the exit code says how that was. Ctrl-C ends the watching alone."""
    if kind_of(here, identity) == "run":
        run = follow_run(here.screen, here.site, identity, timeout_s=timeout)
        show_run(here.screen, run)
        return run_code(run)
    (batch,) = follow_batches(here.screen, here.site, [identity], timeout_s=timeout)
    if here.screen.as_json:
        here.screen.document(batch)
    return batch_code(batch)


@click.command()
@click.argument("identity", metavar="RUN|BATCH")
@asks_server
def cancel(here: Here, identity: str) -> int:
    """Stop a run, or a batch with its runs."""
    stopped: Any = (
        here.site.cancel_run(identity) if kind_of(here, identity) == "run" else here.site.cancel_batch(identity)
    )
    if here.screen.as_json:
        here.screen.document(stopped)
    else:
        here.screen.text(stopped["status"])
    return codes.GOOD


def kind_of(here: Here, identity: str) -> str:
    """``run`` or ``batch``. Raises ``Stop`` for what is neither."""
    if is_id(identity):
        for kind, read in (("run", here.site.run), ("batch", here.site.batch)):
            try:
                read(identity)
            except NotFound:
                continue
            return kind
    raise Stop(f"There is no run and no batch {identity!r}.", name="not_found")
