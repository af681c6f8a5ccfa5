"""``crewsite gate``: whether a version may go on, for a pull request."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import click

from crewsite_client.answers import Comparison
from crewsite_client.asks import BatchOptions, YesOrNo
from crewsite_client.command import codes
from crewsite_client.command.files.rows_file import mapped, read_rows
from crewsite_client.command.files.writing import check_target, written
from crewsite_client.command.following_runs import follow_batches, told
from crewsite_client.command.gate.report import Report
from crewsite_client.command.gate.rules import Limits, Side, findings
from crewsite_client.command.here import Here, Stop, asks_server
from crewsite_client.command.names import CREW, crew_and_version
from crewsite_client.command.runs import USD

MOST_COUNTED = 2_000
"""Of each side the newest runs whose success is counted."""
EXITS = {"worse": codes.FAILED, "unclear": codes.UNCLEAR, "within": codes.GOOD}


class Share(click.ParamType[Decimal | None]):
    """``10%`` or ``10`` is 0.1; ``off`` is None."""

    name = "percent"

    def __init__(self, per: int = 100) -> None:
        self.per = per

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Decimal | None:
        if value == "off":
            return None
        try:
            share = Decimal(str(value).removesuffix("%").strip()) / self.per
        except InvalidOperation:
            share = Decimal(-1)
        if not share.is_finite() or share < 0:
            self.fail(f"{value!r} is no limit: write a number from 0 on, or off.", param, ctx)
        return share


@dataclass(frozen=True, slots=True)
class Chosen:
    """A version, and the filter that finds its runs."""

    slug: str
    number: int
    filter: str = ""

    @property
    def name(self) -> str:
        return f"{self.slug}@{self.number}"

    def by(self, words: str) -> Chosen:
        return Chosen(self.slug, self.number, f"{words} status:succeeded,failed")


@click.command(short_help="Fail if a version is worse than its baseline.")
@click.argument("version", type=CREW, metavar="CREW[@VERSION]")
@click.option("--baseline", type=CREW, metavar="CREW@VERSION", help="Left out, the version before.")
@click.option("--max-cost", type=Share(), default="10%", show_default=True, help="How much dearer the median may be.")
@click.option("--max-time", type=Share(), default="20%", show_default=True, help="How much slower the median may be.")
@click.option(
    "--max-drop", type=Share(), default="10%", show_default=True, help="Percentage points that success may fall."
)
@click.option("--max-rating-drop", type=Share(1), default="off", show_default=True, help="Stars that ratings may fall.")
@click.option("--only", default="", metavar="FILTER", help='Only such runs: "since:30d tag:ci".')
@click.option("--simulated", type=click.Choice(["yes", "no"]), help="Which runs; left out, real ones if there are any.")
@click.option("--data", type=click.Path(exists=True, dir_okay=False), help="Launch both on this file's rows first.")
@click.option("--runs", "count", type=click.IntRange(min=1), help="With --data: runs of each; left out, one a row.")
@click.option("--concurrency", type=click.IntRange(min=1), help="With --data: runs of each at once.")
@click.option("--run-budget", type=USD, help="With --data: of each run.")
@click.option("--timeout", type=click.FloatRange(min=0), metavar="SECONDS", help="With --data: wait no longer.")
@click.option("--report", type=click.Path(path_type=Path, dir_okay=False), help="Write it as Markdown, too.")
@click.option("--allow-unclear", is_flag=True, help="Too few runs to tell is no failure (exit code 0, not 4).")
@click.option("--idempotency-key", "key", help="With --data: the same key launches the same runs once.")
@asks_server
def gate(
    here: Here,
    version: str,
    baseline: str | None,
    only: str,
    simulated: YesOrNo | None,
    report: Path | None,
    allow_unclear: bool,
    **options: Any,
) -> int:
    """Fail if a version is dearer, slower or worse than its baseline by more than it may be.

    Exit code 1 if that is certain in one measure, 4 if there are not enough runs to tell, 0 if all are within their
    limits. Cancelled runs do not count.
    """
    if report is not None:
        check_target(report, force=True)
    new, old = _versions(here, version, baseline)
    limits = Limits(*(options[name] for name in ("max_cost", "max_time", "max_drop", "max_rating_drop")))
    if limits == Limits(None, None, None, None):
        raise Stop("All limits are off.")
    if options["data"] is not None:
        old, new = _launched(here, (old, new), options)
    else:
        old, new = (one.by(f"crew:={one.slug} version:{one.number} {only}".strip()) for one in (old, new))
    made = _judge(here, old, new, limits, simulated)
    if report is not None:
        with written(report, force=True) as file:
            file.write(made.markdown().encode("utf-8", "replace"))
    if here.screen.as_json:
        here.screen.document(made.as_json())
    else:
        made.show(here.screen)
    return codes.GOOD if allow_unclear and made.verdict == "unclear" else EXITS[made.verdict]


def _versions(here: Here, version: str, baseline: str | None) -> tuple[Chosen, Chosen]:
    slug, number = crew_and_version(version)
    newest = here.site.crew(slug)["version"] or 0
    number = number or newest
    if not number or number > newest:
        raise Stop(f"{slug} has no version {number or 'yet'}.")
    old_slug, old_number = crew_and_version(baseline) if baseline else (slug, number - 1)
    if not old_number:
        raise Stop(f"Say which --baseline: as {old_slug}@1.")
    if (old_slug, old_number) == (slug, number):
        raise Stop(f"{slug}@{number} is its own baseline.")
    return Chosen(slug, number), Chosen(old_slug, old_number)


def _launched(here: Here, both: tuple[Chosen, Chosen], options: dict[str, Any]) -> list[Chosen]:
    """Each on the same rows, at the same time, so that a slow hour of a provider is both's."""
    found = read_rows(options["data"])
    ids = []
    for one, part in zip(both, ("baseline", "version"), strict=True):
        rows, _ = mapped(found, here.site.crew(one.slug)["inputs"], {}, keep=True)
        wanted = list(islice(cycle(rows), options["count"] or len(rows)))
        bounds = BatchOptions(
            version=one.number,
            name=f"Gate: {both[1].name} against {both[0].name}",
            run_budget_usd=options["run_budget"],
            metadata={"gate": part},
        )
        if options["concurrency"] is not None:
            bounds["max_concurrency"] = options["concurrency"]
        key = f"{options['key']}-{part}" if options["key"] else None
        batch = here.site.launch_batch(one.slug, wanted, key=key, **bounds)
        here.screen.say(f"{one.name}:", batch["url"], style="dim")
        ids.append(batch["id"])
    ended = follow_batches(here.screen, here.site, ids, timeout_s=options["timeout"])
    for found_batch, one in zip(ended, both, strict=True):
        if found_batch["status"] != "done":
            here.screen.say(f"The runs of {one.name} are not all done: {told(found_batch)}.", style="yellow")
    return [one.by(f"batch:{batch_id}") for one, batch_id in zip(both, ids, strict=True)]


def _judge(here: Here, old: Chosen, new: Chosen, limits: Limits, simulated: YesOrNo | None) -> Report:
    compared = here.site.compare(filters=[old.filter, new.filter], baseline=old.filter, simulated=simulated)
    if len(compared["columns"]) < 2:
        _say_why(here, compared, (old, new), simulated)
    first, second = compared["columns"]
    if first["simulated"] != second["simulated"]:
        raise Stop("One has simulated runs and the other real ones: say which with --simulated.")
    sides = []
    for one, column in ((old, first), (new, second)):
        kind = "yes" if column["simulated"] else "no"
        states = [run["status"] for run in _newest(here, f"{one.filter} simulated:{kind}")]
        sides.append(Side(one.name, column, len(states), states.count("succeeded")))
    return Report(sides[0], sides[1], findings(sides[0], sides[1], limits), compared["sentence"])


def _newest(here: Here, words: str) -> list[Any]:
    return list(islice(here.site.runs(words), MOST_COUNTED))


def _say_why(here: Here, compared: Comparison, both: Sequence[Chosen], simulated: YesOrNo | None) -> None:
    """Raises the ``Stop`` that says why two sides cannot be compared."""
    kind = f" simulated:{simulated}" if simulated else ""
    without = [one.name for one in both if not list(islice(here.site.runs(one.filter + kind), 1))]
    if without:
        raise Stop(
            f"{' and '.join(without)}: no ended run to judge by. --data FILE launches some.", codes.UNCLEAR, "no_runs"
        )
    problems = "; ".join(f"{problem['what']}: {problem['why']}" for problem in compared["problems"])
    raise Stop(f"They cannot be compared: {problems or 'the server says not why'}.")
