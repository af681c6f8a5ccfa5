"""``crewsite batch``: one crew over the rows of a file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from crewsite_client import asks
from crewsite_client.answers import BatchEstimate, BatchSummary
from crewsite_client.asks import BatchOptions
from crewsite_client.command import codes
from crewsite_client.command.figures import about, counted, usd
from crewsite_client.command.files.results import write_results
from crewsite_client.command.files.rows_file import Form, mapped, read_rows
from crewsite_client.command.files.writing import check_target, written
from crewsite_client.command.following_runs import batch_code, ended_rows, follow_batches, told
from crewsite_client.command.here import Here, Stop, asks_server
from crewsite_client.command.names import CREW, DATA_SET, crew_and_version, is_id
from crewsite_client.command.runs import USD, by_input, named


@click.command(short_help="Run a crew over the rows of a file.")
@click.argument("crew", type=CREW)
@click.argument("file", required=False, type=click.Path(exists=True, dir_okay=False, allow_dash=True))
@click.option("--dataset", type=DATA_SET, metavar="NAME[@3]", help="Rows of a data set in place of FILE.")
@click.option("--format", "form", type=click.Choice(["csv", "tsv", "json", "jsonl"]), help="Where its name says none.")
@click.option("--map", "maps", multiple=True, metavar="COLUMN=INPUT", help="Which input a column of another name is.")
@click.option("--results", type=click.Path(path_type=Path, dir_okay=False), help="To .csv, .tsv, .jsonl, .xlsx.")
@click.option("--name", default="", help="What the batch is called.")
@click.option("--concurrency", type=click.IntRange(min=1), help="Rows at once.")
@click.option("--budget", type=USD, help="Of all rows together.")
@click.option("--run-budget", type=USD, help="Of each row; else rows at once share what is left of --budget.")
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
    file: str | None,
    form: Form | None,
    results: Path | None,
    wait: bool,
    **options: Any,
) -> int:
    """Run CREW, or CREW@VERSION, once for each row of FILE: CSV, TSV, JSON or JSON Lines; - reads standard input.

    --dataset takes the rows of a data set.

    A row that fails stops no other. The exit code is 0 if all rows succeeded, 1 if one did not, 5 if it is paused.
    """
    if results is not None:
        _refuse_useless(results, wait=wait)
    slug, version = crew_and_version(crew)
    rows = _rows(here, slug, version, file, options["dataset"], form, options["maps"])
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
        write(here, results, ended, force=True)
    _show(here, ended)
    return batch_code(ended)


def _rows(
    here: Here,
    slug: str,
    version: int | None,
    file: str | None,
    data_set: str | None,
    form: Form | None,
    maps: Sequence[str],
) -> list[dict[str, Any]]:
    """Those of the file, by the crew's inputs; none if the server has them as a data set."""
    if (file is None) == (data_set is None):
        raise Stop("Give a FILE or --dataset NAME.")
    if file is None:
        if form:
            raise Stop("--format belongs to a FILE.")
        return []
    inputs, found = here.site.crew(slug)["inputs"], read_rows(file, form)
    rows, strange = mapped(found, inputs, named(maps), keep=version is not None)
    for column in strange:
        here.screen.say(f"The column {column!r} is no input of the crew and was left out.", style="yellow")
    return rows


def _bounds(version: int | None, options: dict[str, Any]) -> BatchOptions:
    bounds = BatchOptions(
        name=options["name"],
        version=version,
        dataset=options["dataset"] or "",
        columns=by_input(options["maps"]) if options["dataset"] else {},
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
    check_target(results, force=True)


def write(here: Here, target: Path, batch: BatchSummary, *, force: bool) -> None:
    """A workbook is the server's; other files are written here, of rows as the API gives them."""
    if target.suffix.lower() == ".xlsx":
        with written(target, force=force) as file:
            here.site.download(asks.batch_results(batch["id"], "xlsx"), file)
        count = batch["total"]
    else:
        count = write_results(target, here.site.batch_rows(batch["id"]), force=force)
    here.screen.say(f"{counted(count, 'row')} in {target}")


@click.command(short_help="Write the results of a batch to a file.")
@click.argument("identity", metavar="BATCH")
@click.option(
    "-o", "--output", required=True, type=click.Path(path_type=Path, dir_okay=False), help="To .csv, .jsonl, .xlsx ..."
)
@click.option("--force", is_flag=True, help="Write over a file that is there.")
@asks_server
def results(here: Here, identity: str, output: Path, force: bool) -> int:
    """Write the rows of BATCH as they stand, with what each gave: to .csv, .tsv, .json, .jsonl or .xlsx."""
    check_target(output, force=force)
    if not is_id(identity):
        raise Stop(f"There is no batch {identity!r}.", name="not_found")
    found = here.site.batch(identity)
    write(here, output, found, force=force)
    if here.screen.as_json:
        here.screen.document({"file": str(output), "bytes": output.stat().st_size, "rows": found["total"]})
    return codes.GOOD


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
