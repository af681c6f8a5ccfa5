"""``crewsite batch``: one crew over the rows of a file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from crewsite_client.answers import BatchEstimate, BatchSummary
from crewsite_client.asks import BatchOptions
from crewsite_client.command import codes
from crewsite_client.command.figures import about, counted, usd
from crewsite_client.command.following_runs import batch_code, ended_rows, follow_batches, told
from crewsite_client.command.here import Here, Stop, asks_server
from crewsite_client.command.names import CREW, crew_and_version
from crewsite_client.command.rows_file import Form, mapped, read_rows, write_results
from crewsite_client.command.runs import USD, named


@click.command(short_help="Run a crew over the rows of a file.")
@click.argument("crew", type=CREW)
@click.argument("file", type=click.Path(exists=True, dir_okay=False, allow_dash=True))
@click.option("--format", "form", type=click.Choice(["csv", "tsv", "json", "jsonl"]), help="Where its name says none.")
@click.option("--map", "maps", multiple=True, metavar="COLUMN=INPUT", help="Which input a column of another name is.")
@click.option("--results", type=click.Path(path_type=Path, dir_okay=False), help="To .csv, .tsv, .jsonl, .xlsx.")
@click.option("--name", default="", help="What the batch is called.")
@click.option("--concurrency", type=click.IntRange(min=1), help="Rows at once.")
@click.option("--budget", type=USD, help="Of all rows together.")
@click.option("--run-budget", type=USD, help="Of each row; without it, rows that run at once share what is left of --budget.")
@click.option("--stop-after", type=click.IntRange(min=1), metavar="N", help="Pause once so many rows failed.")
@click.option("--label", "labels", multiple=True, metavar="NAME=VALUE", help="For bills and filters (tag:NAME).")
@click.option("--estimate", is_flag=True, help="Say first what it will most likely cost and take.")
@click.option("--dry-run", is_flag=True, help="Say that, and launch nothing.")
@click.option("--wait/--no-wait", default=True, show_default=True, help="Watch it to its end.")
@click.option("--timeout", type=click.FloatRange(min=0), metavar="SECONDS", help="Wait no longer than that.")
@click.option("--idempotency-key", "key", help="The same key launches the same batch once.")
@asks_server
def batch(
    here: Here,
    crew: str,
    file: str,
    form: Form | None,
    maps: Sequence[str],
    results: Path | None,
    wait: bool,
    **options: Any,
) -> int:
    """Run CREW, or CREW@VERSION, once for each row of FILE: CSV, TSV, JSON or JSON Lines; - reads standard input.

    A row that fails stops no other. The exit code is 0 if all rows succeeded, 1 if one did not, 5 if it is paused.
    """
    if results is not None:
        _refuse_useless(results, wait=wait)
    slug, version = crew_and_version(crew)
    inputs, found = here.site.crew(slug)["inputs"], read_rows(file, form)
    rows, strange = mapped(found, inputs, named(maps), keep=version is not None)
    for column in strange:
        here.screen.say(f"The column {column!r} is no input of the crew and was left out.", style="yellow")
    bounds = _bounds(version, options)
    if options["estimate"] or options["dry_run"]:
        _tell_estimate(here, here.site.estimate_batch(slug, rows, **bounds), is_answer=options["dry_run"])
    if options["dry_run"]:
        return codes.GOOD
    launched = here.site.launch_batch(slug, rows, key=options["key"], **bounds)
    here.screen.say(launched["url"], style="dim")
    if not wait:
        _show(here, launched)
        return codes.GOOD
    (ended,) = follow_batches(here.screen, here.site, [launched["id"]], timeout_s=options["timeout"])
    if results is not None:
        _write(here, results, ended)
    _show(here, ended)
    return batch_code(ended)


def _bounds(version: int | None, options: dict[str, Any]) -> BatchOptions:
    bounds = BatchOptions(
        name=options["name"],
        version=version,
        budget_usd=options["budget"],
        run_budget_usd=options["run_budget"],
        stop_after_failures=options["stop_after"],
        metadata=named(options["labels"]),
    )
    if options["concurrency"] is not None:
        bounds["max_concurrency"] = options["concurrency"]
    return bounds


def _refuse_useless(results: Path, *, wait: bool) -> None:
    if not wait:
        raise Stop("--results needs the end: leave out --no-wait.")
    if not results.parent.is_dir():
        raise Stop(f"There is no folder {results.parent}.")


def _write(here: Here, results: Path, ended: BatchSummary) -> None:
    """A workbook is the server's; other files are written here, of rows as the API gives them."""
    try:
        if results.suffix.lower() == ".xlsx":
            results.write_bytes(here.site.batch_results(ended["id"], "xlsx").content)
            count = ended["total"]
        else:
            count = write_results(results, here.site.batch_rows(ended["id"]))
    except OSError as fault:
        raise Stop(f"{results} cannot be written: {fault.strerror}.") from fault
    here.screen.say(f"{counted(count, 'row')} in {results}")


def _tell_estimate(here: Here, found: BatchEstimate, *, is_answer: bool) -> None:
    """``is_answer``: nothing else comes on standard output."""
    if is_answer and here.screen.as_json:
        here.screen.document(found)
        return
    for line, style in _estimated(found):
        if is_answer:
            here.screen.text(line)
        else:
            here.screen.say(line, style=style)


def _estimated(found: BatchEstimate) -> list[tuple[str, str]]:
    """Lines, each with its style."""
    rows = counted(found["rows"], "simulated row" if found["simulated"] else "row")
    took, cost = found["duration_ms"], found["cost_usd"]
    if took is None:
        return [(f"{rows}: nobody knows yet what they will cost and take.", "")]
    spans = _between(about(float(took["low"])), about(float(took["high"])))
    sums = _between(usd(str(cost["low"])), usd(str(cost["high"]))) if cost else ""
    runs = f"the last {counted(found['runs'], 'run')}" if found["runs"] else "the length of its texts"
    whole = f"about {sums} in {spans}" if sums else f"about {spans}, nobody knows at what cost"
    lines = [(f"{rows}: {whole}, by {runs}.", "")]
    return lines + [(limit["words"], "yellow") for limit in (found["limit"], found["budget"]) if limit is not None]


def _between(low: str, high: str) -> str:
    return low if low == high else f"{low} to {high}"


def _show(here: Here, found: BatchSummary) -> None:
    if here.screen.as_json:
        here.screen.document(found)
        return
    here.screen.pairs(
        [
            ("batch", found["id"]),
            ("status", found["status"]),
            ("rows", f"{ended_rows(found)} of {found['total']} ended, {found['succeeded']} succeeded"),
            ("cost", usd(found["usage"]["cost_usd"])),
        ]
    )
    if found["status"] == "paused":
        here.screen.say(f"It is {told(found)}. Resume it on its page.", style="yellow")
