"""``crewsite schedules``: what is launched at the times of a cron expression."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from itertools import islice
from typing import Any, Literal, cast

import click
from rich.text import Text

from crewsite_client.command import codes
from crewsite_client.command.figures import moment, usd
from crewsite_client.command.here import Here, Stop, asks_server
from crewsite_client.command.names import CREW, DATA_SET, SCHEDULE, crew_and_version, is_id
from crewsite_client.command.runs import USD, by_input, inputs_of, named
from crewsite_client.command.screen import one_line
from crewsite_client.sets.answers import Schedule, ScheduleTime, ScheduleTimeCounts
from crewsite_client.sets.asks import ScheduleTerms

Counted = Literal["launched", "skipped", "missed", "refused", "off", "forgotten"]
OFF = {
    "person": "somebody turned it off",
    "left": "whoever it belongs to may no longer launch, or the token works no more",
    "archived": "its crew or its data set is archived",
    "never": "none of its times is still to come",
}
OUTCOMES = {"skipped": "left out", "waiting": "waits", "asked": "launched by hand", "off": "turned off"}
COUNTED: tuple[tuple[Counted, str], ...] = (
    ("launched", "launched"),
    ("skipped", "left out"),
    ("missed", "missed"),
    ("refused", "refused"),
    ("off", "turned off"),
    ("forgotten", "of these listed no more"),
)
STYLES = {"launched": "green", "asked": "green", "refused": "red", "missed": "red", "waiting": "yellow"}
NONE = "none"
MOST_LOOKED_AT = 10_000


class OrNone(click.ParamType[Any]):
    """A value, or ``none`` for no such bound."""

    def __init__(self, inner: click.ParamType[Any]) -> None:
        self.inner = inner
        self.name = inner.name

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        return NONE if value == NONE else self.inner.convert(value, param, ctx)


COUNT = OrNone(click.IntRange(min=1))
TERMS: list[Callable[[Any], Any]] = [
    click.option("--cron", metavar="EXPRESSION", help='Minute, hour, day, month, day of the week: "30 8 * * 1-5".'),
    click.option("--time-zone", metavar="NAME", help="Of its times, as Europe/Berlin; left out, UTC."),
    click.option("-i", "--input", "inputs", multiple=True, metavar="NAME=VALUE", help="A value; @FILE reads it."),
    click.option("--inputs", "file", type=click.Path(exists=True, dir_okay=False), help="All of them, as JSON."),
    click.option("--dataset", type=DATA_SET, metavar="NAME[@3]", help="Launch a batch of its rows; none: a run."),
    click.option("--map", "maps", multiple=True, metavar="COLUMN=INPUT", help="Which column of it fills an input."),
    click.option("--overlap", type=click.Choice(["skip", "queue"]), help="While the launch before is under way."),
    click.option("--catch-up/--no-catch-up", default=None, help="Launch missed times late, once for all."),
    click.option("--simulated", type=click.Choice(["yes", "no", NONE]), help="Or as the team's keys are (none)."),
    click.option("--budget", "budget_usd", type=OrNone(USD), help="Of each run."),
    click.option("--batch-budget", "batch_budget_usd", type=OrNone(USD), help="Of each batch as a whole."),
    click.option("--concurrency", "max_concurrency", type=COUNT, help="Rows of a batch at once."),
    click.option("--stop-after", "stop_after_failures", type=COUNT, metavar="N", help="Pause a batch then."),
    click.option("--label", "labels", multiple=True, metavar="NAME=VALUE", help="Of each run."),
]
AS_THEY_ARE = (
    "name",
    "cron",
    "time_zone",
    "dataset",
    "overlap",
    "catch_up",
    "budget_usd",
    "batch_budget_usd",
    "max_concurrency",
    "stop_after_failures",
)
WHICH = click.argument("which", type=SCHEDULE, metavar="SCHEDULE")


def with_terms(command: Any) -> Any:
    return reduce(lambda made, option: option(made), reversed(TERMS), command)


@click.group(short_help="Launches at the times of a cron expression.")
def schedules() -> None:
    """Schedules: runs, or batches of a data set, at the times of a cron expression.

    SCHEDULE is an id, or a name that only one has.
    """


@schedules.command("list")
@click.option("-n", "--limit", type=click.IntRange(1, 10_000), default=100, show_default=True, help="At most so many.")
@asks_server
def list_(here: Here, limit: int) -> int:
    """List schedules, the newest first."""
    found = list(islice(here.site.schedules(), limit))
    if here.screen.as_json:
        here.screen.document({"items": found})
    elif not found:
        here.screen.say("There are none.", style="dim")
    else:
        heads = ["schedule", "name", "launches", "times", "next (UTC)", "last"]
        here.screen.table(heads, (_line(one) for one in found), spare=(5, 2))
    return codes.GOOD


def _line(one: Schedule) -> list[object]:
    following = moment(one["next"][0]) if one["next"] else Text("off", style="yellow")
    last = "–" if one["last"] is None else _outcome(one["last"])
    return [one["id"], one["name"], _launches(one), f"{one['cron']} {one['time_zone']}", following, last]


def _launches(one: Schedule) -> str:
    version = "" if one["version"] is None else f"@{one['version']}"
    rows = "" if one["dataset"] is None else f" over {one_line(one['dataset'])}"
    return f"{one_line(one['crew'], 40)}{version}{rows}"


def _outcome(one: ScheduleTime) -> Text:
    word = one_line(OUTCOMES.get(one["outcome"], one["outcome"]))
    return Text(word, style=STYLES.get(one["outcome"], ""))


@schedules.command()
@WHICH
@asks_server
def show(here: Here, which: str) -> int:
    """Show what it launches and when, and how many of its times there were."""
    found = here.site.schedule(_id(here, which))
    code = _told(here, found)
    if not here.screen.as_json:
        here.screen.pairs([("times so far", _counted(found["counts"]))])
    if found["unfit"]:
        here.screen.say(f"Its next launch would be refused: {found['unfit']}", style="red")
    return code


def _counted(counts: ScheduleTimeCounts) -> str:
    said = [
        (counts[name], f"or more {word}" if name == "missed" and counts["more_missed"] else word)
        for name, word in COUNTED
    ]
    return ", ".join(f"{count:,} {words}" for count, words in said if count) or "none"


@schedules.command("next")
@click.argument("which", type=SCHEDULE, metavar="SCHEDULE", required=False)
@click.option("--cron", metavar="EXPRESSION", help="Of this expression, before there is a schedule.")
@click.option("--time-zone", metavar="NAME", default="UTC", show_default=True, help="With --cron: of its times.")
@asks_server
def next_(here: Here, which: str | None, cron: str | None, time_zone: str) -> int:
    """Print the next times of SCHEDULE, or of --cron, in UTC. There are none while it is off (exit code 5)."""
    if (which is None) == (cron is None):
        raise Stop("Give a SCHEDULE or --cron EXPRESSION.")
    if which is None:
        times = here.site.next_times(cron or "", time_zone=time_zone)
        if here.screen.as_json:
            here.screen.document(times)
        else:
            here.screen.text("\n".join(moment(one) for one in times["next"]))
        return codes.GOOD
    found = here.site.schedule(_id(here, which))
    if here.screen.as_json:
        here.screen.document({"id": found["id"], "on": found["on"], "next": found["next"]})
    else:
        here.screen.text("\n".join(moment(one) for one in found["next"]))
    if not found["on"]:
        here.screen.say(_why_off(found), style="yellow")
    return codes.GOOD if found["on"] else codes.NOT_ENDED


@schedules.command()
@WHICH
@click.option("-n", "--limit", type=click.IntRange(1, 10_000), default=20, show_default=True, help="At most so many.")
@asks_server
def history(here: Here, which: str, limit: int) -> int:
    """List what became of its times, the newest first."""
    found = list(islice(here.site.schedule_times(_id(here, which)), limit))
    if here.screen.as_json:
        here.screen.document({"items": found})
    elif not found:
        here.screen.say("None of its times has come yet.", style="dim")
    else:
        rows = [[moment(one["due_at"]), _outcome(one), one["run"] or one["batch"] or "", _says(one)] for one in found]
        here.screen.table(["time (UTC)", "", "run or batch", ""], rows)
    return codes.GOOD


def _says(one: ScheduleTime) -> str:
    more = "It stands for earlier times, too." if one["earlier_too"] else ""
    return " ".join(part for part in (one["says"] or "", more) if part)


@schedules.command()
@click.argument("crew", type=CREW)
@click.option("--name", required=True, help="What it is called.")
@with_terms
@click.option("--off", is_flag=True, help="Make it, and turn it on later.")
@click.option("--idempotency-key", "key", help="The same key makes the same schedule once.")
@asks_server
def new(here: Here, crew: str, off: bool, key: str | None, **options: Any) -> int:
    """Launch CREW, or CREW@VERSION, at the times of --cron, in your token's name."""
    slug, version = crew_and_version(crew)
    terms = _terms(options)
    if version is not None:
        terms["version"] = version
    if "cron" not in terms:
        raise Stop('Say when: --cron "30 8 * * 1-5".')
    return _told(here, here.site.make_schedule(slug, on=not off, key=key, **terms))


@schedules.command()
@WHICH
@click.option("--name", help="What it is called.")
@click.option("--version", type=COUNT, metavar="N", help="Of its crew; none: the newest there is then.")
@with_terms
@asks_server
def edit(here: Here, which: str, version: Any, **options: Any) -> int:
    """Change what is named; "none" takes a bound away. It launches in your token's name from then on."""
    terms = _terms(options)
    if version is not None:
        terms["version"] = None if version == NONE else version
    if not terms:
        raise Stop("Say what to change.")
    return _told(here, here.site.change_schedule(_id(here, which), **terms))


def _terms(options: dict[str, Any]) -> ScheduleTerms:
    """What was named; ``none`` of it is None."""
    given = {name: options[name] for name in AS_THEY_ARE if options[name] is not None}
    terms: dict[str, Any] = {name: None if value == NONE else value for name, value in given.items()}
    if options["simulated"] is not None:
        terms["simulated"] = {"yes": True, "no": False, NONE: None}[options["simulated"]]
    if options["file"] is not None or options["inputs"]:
        terms["inputs"] = inputs_of(options["file"], options["inputs"])
    if options["maps"]:
        terms["columns"] = by_input(options["maps"])
    if options["labels"]:
        terms["metadata"] = named(options["labels"])
    return cast("ScheduleTerms", terms)


@schedules.command()
@WHICH
@asks_server
def on(here: Here, which: str) -> int:
    """Turn it on, from its next time on; it launches in your token's name."""
    return _told(here, here.site.resume_schedule(_id(here, which)))


@schedules.command()
@WHICH
@asks_server
def off(here: Here, which: str) -> int:
    """Turn it off. What it has launched goes on."""
    return _told(here, here.site.pause_schedule(_id(here, which)))


@schedules.command()
@WHICH
@click.option("--idempotency-key", "key", help="The same key launches it once.")
@asks_server
def run(here: Here, which: str, key: str | None) -> int:
    """Launch it once, now, whether it is on or off. Prints the id of the run or the batch."""
    made = here.site.run_schedule(_id(here, which), key=key)
    launched = made["run"] or made["batch"]
    if here.screen.as_json:
        here.screen.document(made)
    elif launched:
        here.screen.text(launched)
    if not launched:
        here.screen.say(f"It was not launched: {made['says'] or made['outcome']}", style="yellow")
    return codes.GOOD if launched else codes.USAGE


@schedules.command()
@WHICH
@asks_server
def delete(here: Here, which: str) -> int:
    """Remove it. Its runs and batches stay."""
    identity = _id(here, which)
    here.site.delete_schedule(identity)
    if here.screen.as_json:
        here.screen.document({"id": identity, "deleted": True})
    return codes.GOOD


def _id(here: Here, which: str) -> str:
    if is_id(which):
        return which
    found = [one["id"] for one in islice(here.site.schedules(), MOST_LOOKED_AT) if one["name"] == which]
    if not found:
        raise Stop(f"There is no schedule {which!r}.", name="not_found")
    if len(found) > 1:
        raise Stop(f"{len(found)} schedules are called {which!r}: {', '.join(found[:5])}.")
    return found[0]


def _told(here: Here, found: Schedule) -> int:
    if here.screen.as_json:
        here.screen.document(found)
        return codes.GOOD
    bounds = [
        f"{words} {value}"
        for words, value in (
            ("each run", found["budget_usd"] and usd(found["budget_usd"])),
            ("each batch", found["batch_budget_usd"] and usd(found["batch_budget_usd"])),
            ("at once", found["max_concurrency"]),
            ("paused after failures:", found["stop_after_failures"]),
        )
        if value is not None
    ]
    pairs: list[tuple[str, object]] = [
        ("schedule", found["id"]),
        ("name", found["name"]),
        ("launches", _launches(found)),
        ("times", f"{found['cron']} {found['time_zone']}"),
        ("next (UTC)", "\n".join(moment(one) for one in found["next"]) or _why_off(found)),
        ("bounds", ", ".join(bounds) or "the team's"),
        ("while one is under way", "the time is left out" if found["overlap"] == "skip" else "it waits"),
        ("missed times", "launched late, once for all" if found["catch_up"] else "left out"),
        ("in the name of", found["owner"] or "nobody"),
        ("page", found["url"]),
    ]
    if found["last"] is not None:
        last = found["last"]
        pairs.insert(
            5, ("last", Text.assemble(f"{moment(last['due_at'])} ", _outcome(last), f" {one_line(_says(last))}"))
        )
    here.screen.pairs(pairs)
    return codes.GOOD


def _why_off(found: Schedule) -> str:
    why = OFF.get(found["off_for"] or "", found["off_for"] or "")
    return f"It is off: {why}." if why else "It is off."
