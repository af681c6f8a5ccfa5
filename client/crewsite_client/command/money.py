"""``crewsite compare`` and ``crewsite bill``."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

import click

from crewsite_client import asks
from crewsite_client.answers import Bill, Column, Comparison, File, Interval, Spread
from crewsite_client.asks import Ask, YesOrNo
from crewsite_client.command import codes
from crewsite_client.command.figures import counted, span, usd
from crewsite_client.command.files.writing import check_target, written
from crewsite_client.command.here import Here, Stop, asks_server
from crewsite_client.command.names import is_id
from crewsite_client.command.screen import one_line

MOST_PARTS = 8
REASONS = {
    "calls": "number of calls",
    "prompt": "prompt tokens per call",
    "cached": "cached prompt tokens per call",
    "cache_write": "tokens written to the cache per call",
    "completion": "answer tokens per call",
    "price": "price per token",
    "model": "another model",
    "fees": "fees that are not tokens",
    "other": "cost without tokens",
    "added": "added task",
    "removed": "removed task",
}
"""Those of cost; others, which are classes of calls, say themselves what they are."""
KIND = click.Choice(["yes", "no"])


@click.command(short_help="Say why runs or versions differ.")
@click.argument("sides", nargs=-1, required=True, metavar="SIDE...")
@click.option("--baseline", default="", metavar="SIDE", help="What the others are held against; left out, the first.")
@click.option("--simulated", type=KIND, help="Of groups: simulated or real runs; left out, real ones if there are any.")
@asks_server
def compare(here: Here, sides: Sequence[str], baseline: str, simulated: YesOrNo | None) -> int:
    """Compare two to six SIDES and say why they differ.

    A side is a run's id, a version as support@3, or a filter of runs as "crew:support since:7d".
    """
    runs, versions, filters = sorted_out(sides)
    found = here.site.compare(runs=runs, versions=versions, filters=filters, baseline=baseline, simulated=simulated)
    if here.screen.as_json:
        here.screen.document(found)
    else:
        _show(here, found)
    return codes.GOOD


def sorted_out(sides: Sequence[str]) -> tuple[list[str], list[str], list[str]]:
    """The ids of runs, the versions, and the filters among what was named."""
    runs = [side for side in sides if is_id(side)]
    versions = [side for side in sides if is_version(side)]
    return runs, versions, [side for side in sides if side not in runs and side not in versions]


def is_version(side: str) -> bool:
    slug, at, number = side.rpartition("@")
    return bool(slug and at) and number.isascii() and number.isdigit() and ":" not in slug and " " not in slug


def _show(here: Here, found: Comparison) -> None:
    columns = found["columns"]
    for problem in found["problems"]:
        here.screen.say(f"{problem['what']}: {problem['why']}", style="yellow")
    if len(columns) < 2:
        raise Stop("There is nothing to compare.")
    if found["mixes_simulated_and_real"]:
        here.screen.say("Simulated and real runs stand side by side.", style="yellow")
    heads = ["", *(one_line(column["label"], 40) + (" ~" if column["simulated"] else "") for column in columns)]
    rows: list[list[object]] = [
        ["runs", *(f"{column['runs']:,}" for column in columns)],
        ["cost", *map(_cost, columns)],
        ["time", *map(_time, columns)],
        ["rating", *map(_rating, columns)],
        ["waste", *(usd(column["waste_usd"]) for column in columns)],
    ]
    here.screen.table(heads, rows, right=range(1, len(heads)))
    if found["sentence"]:
        here.screen.text(found["sentence"], prose=True)
    for why in found["why_cost"]:
        parts = sorted(why["parts"], key=lambda part: -abs(float(part["usd"])))[:MOST_PARTS]
        rows = [
            [usd(part["usd"], signed=True), REASONS.get(part["reason"], part["reason"]), part["task"], part["model"]]
            for part in parts
        ]
        if rows:
            here.screen.text(f"\nWhy the cost of {one_line(_label(found, why['column']))} differs:")
            here.screen.table(["", "reason", "task", "model"], rows, right=(0,))


def _label(found: Comparison, identity: str) -> str:
    return next((column["label"] for column in found["columns"] if column["id"] == identity), identity)


def _cost(column: Column) -> str:
    spread = column["cost"]
    return usd(column["cost_usd"]) if spread is None else f"{usd(str(spread['median']))}{_sign(spread)}"


def _time(column: Column) -> str:
    spread = column["duration"]
    return span(column["duration_ms"]) if spread is None else f"{span(float(spread['median']))}{_sign(spread)}"


def _rating(column: Column) -> str:
    rating = column["rating"]
    return "–" if rating is None else f"{rating['mean']:.2f} ({rating['count']}){_clear(rating['interval'])}"


def _sign(spread: Spread) -> str:
    return f" median{_clear(spread['interval'])}"


def _clear(interval: Interval | None) -> str:
    """≈: no difference that is certain."""
    return "" if interval is None or interval["clear"] else " ≈"


@click.command(short_help="Show a month's bill.")
@click.argument("month", required=False, metavar="[YYYY-MM]")
@click.option("--by", help="crew (if left out), model, agent, person, label:NAME ...; up to four in a file.")
@click.option("--simulated", type=KIND, default="no", show_default=True, help="Of simulated money there is no bill.")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Write its lines to a file: .csv.")
@click.option("--frozen", is_flag=True, help="With -o: a closed bill's document, .json as it was frozen, or .csv.")
@click.option("--force", is_flag=True, help="Write over a file that is there.")
@asks_server
def bill(
    here: Here, month: str | None, by: str | None, simulated: YesOrNo, output: Path | None, frozen: bool, force: bool
) -> int:
    """Show a month's bill, or the present month's so far; -o writes it to a file."""
    month = month or datetime.now(UTC).strftime("%Y-%m")
    if output is not None:
        return _write_bill(here, output, _file_of(month, output, by, simulated, frozen=frozen), month, force=force)
    if frozen or force:
        raise Stop("--frozen and --force belong to -o FILE.")
    found, by = here.site.bill(month, simulated=simulated), by or "crew"
    if here.screen.as_json:
        here.screen.document(found)
        return codes.GOOD
    if by not in found["by"]:
        raise Stop(f"--by is one of {', '.join(map(one_line, found['by']))}.")
    _show_bill(here, found, by)
    return codes.GOOD


def _file_of(month: str, output: Path, by: str | None, simulated: YesOrNo, *, frozen: bool) -> Ask[File]:
    """What the file is asked for by. Raises ``Stop`` for an ending that there is none of."""
    form = output.suffix.lower().removeprefix(".")
    if frozen:
        if form not in ("csv", "json") or by or simulated == "yes":
            raise Stop("A frozen bill is .json or .csv, whole and of real money.")
        return asks.closed_bill(month, cast("asks.BillFormat", form))
    if form != "csv":
        raise Stop(f"{output}: the lines of a bill are .csv; --frozen writes a closed one's document as .json.")
    return asks.bill_lines(month, simulated, by.split(",") if by else ())


def _write_bill(here: Here, output: Path, ask: Ask[File], month: str, *, force: bool) -> int:
    check_target(output, force=force)
    is_document = ask.accept == "application/json"
    wanted = here.site.bill(month)["hash"] if is_document else None
    with written(output, force=force) as file:
        saved = here.site.download(ask, file)
        if is_document:
            file.seek(0)
            found = hashlib.sha256()
            while part := file.read(1_000_000):
                found.update(part)
            if found.hexdigest() != wanted:
                raise Stop(
                    "The document is not the one that the bill's SHA-256 is of.", codes.NO_ACCESS, "not_the_same"
                )
    if here.screen.as_json:
        here.screen.document({"file": str(output), "bytes": saved.size, "sha256": wanted})
    else:
        here.screen.file(output)
    return codes.GOOD


def _show_bill(here: Here, found: Bill, by: str) -> None:
    items = found["by"][by]
    rows = [[item["name"] or item["code"] or "–", f"{item['calls']:,}", usd(item["cost_usd"])] for item in items]
    here.screen.table([by, "calls", "cost"], rows, right=(1, 2))
    state = f"closed, number {found['number']}" if found["number"] else found["state"]
    pairs = [("month", f"{found['month']} ({state})"), ("total", usd(found["total_usd"]))]
    if found["unpriced_calls"]:
        pairs.append(("without a price", counted(found["unpriced_calls"], "call") + ", in no sum"))
    if found["budget_usd"] is not None:
        pairs.append(("budget", usd(found["budget_usd"])))
    forecast = found["forecast"]
    if forecast and forecast["low_usd"] is not None:
        of_range = f"{usd(forecast['low_usd'])} to {usd(forecast['high_usd'])} ({forecast['confidence']} of 100)"
        pairs.append(("forecast", of_range))
    wasted = [item for item in found["waste"] if item["calls"] or float(item["cost_usd"])]
    if wasted:
        worst = max(wasted, key=lambda item: float(item["cost_usd"]))
        pairs.append(("most wasted", f"{usd(worst['cost_usd'])}: {one_line(worst['name'] or worst['code'])}"))
    here.screen.pairs(pairs)
