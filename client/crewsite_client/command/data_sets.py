"""``crewsite datasets``: rows of inputs that are kept under a name, with versions."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import click

from crewsite_client.command import codes
from crewsite_client.command.figures import counted, moment
from crewsite_client.command.files.results import form_of, write_rows
from crewsite_client.command.files.rows_file import Form, Rows, check_count, read_rows
from crewsite_client.command.files.writing import check_target, written
from crewsite_client.command.here import Here, Stop, asks_server
from crewsite_client.command.names import DATA_SET, data_set_and_version
from crewsite_client.sets.answers import DataSet, DataSetVersion

FILE = click.argument("file", type=click.Path(exists=True, dir_okay=False, allow_dash=True))
FORM = click.option(
    "--format", "form", type=click.Choice(["csv", "tsv", "json", "jsonl"]), help="Where its name says none."
)
KEY = click.option("--idempotency-key", "key", help="The same key makes it once.")
NAME = click.argument("name", type=DATA_SET)
SHOWN_ROWS = 5


@click.group("datasets", short_help="Rows of inputs that are kept under a name.")
def data_sets() -> None:
    """Data sets: rows of inputs under a name, with versions that never change."""


@data_sets.command("list")
@click.option("--archived", is_flag=True, help="Those that are archived.")
@click.option("-n", "--limit", type=click.IntRange(1, 10_000), default=100, show_default=True, help="At most so many.")
@asks_server
def list_(here: Here, archived: bool, limit: int) -> int:
    """List data sets, the newest first."""
    found = list(islice(here.site.data_sets(archived=archived), limit))
    if here.screen.as_json:
        here.screen.document({"items": found})
    elif not found:
        here.screen.say("There are none.", style="dim")
    else:
        rows = [[f"{one['name']}@{one['version']}", f"{one['rows']:,}", *_words(one)] for one in found]
        here.screen.table(["data set", "rows", "columns", "changed (UTC)"], rows, right=(1,), spare=(3,))
    return codes.GOOD


def _words(one: DataSet) -> tuple[str, str]:
    return ", ".join(one["columns"]), moment(one["changed_at"])


@data_sets.command()
@NAME
@click.option("-n", "--rows", "count", type=click.IntRange(0, 1_000), default=SHOWN_ROWS, show_default=True)
@asks_server
def show(here: Here, name: str, count: int) -> int:
    """Show NAME, or NAME@VERSION: its versions and its first rows."""
    slug, number = data_set_and_version(name)
    found = here.site.data_set(slug)
    versions = list(here.site.data_set_versions(slug))
    version = _version(slug, versions, number or found["version"])
    rows = list(islice(here.site.data_set_rows(slug, version=version["version"]), count))
    if here.screen.as_json:
        here.screen.document({**found, "versions": versions, "shown": version["version"], "items": rows})
        return codes.GOOD
    state = "archived, " if found["archived"] else ""
    here.screen.pairs([("data set", f"{slug} ({state}made {moment(found['created_at'])})"), ("page", found["url"])])
    here.screen.table(
        ["version", "rows", "columns", "made (UTC)"],
        [
            [one["version"], f"{one['rows']:,}", ", ".join(one["columns"]), moment(one["created_at"])]
            for one in versions
        ],
        right=(1,),
    )
    if rows:
        here.screen.text(f"\nVersion {version['version']}, {counted(len(rows), 'row')} of {version['rows']:,}:")
        columns = version["columns"]
        here.screen.table(
            ["row", *columns], [[row["row"], *(_cell(row["inputs"].get(name)) for name in columns)] for row in rows]
        )
    return codes.GOOD


def _version(slug: str, versions: Sequence[DataSetVersion], number: int) -> DataSetVersion:
    for one in versions:
        if one["version"] == number:
            return one
    raise Stop(f"{slug} has no version {number}.", name="not_found")


def _cell(value: Any) -> str:
    text = "" if value is None else str(value)
    return text if len(text) <= 60 else f"{text[:59]}…"


@data_sets.command()
@click.argument("name")
@FILE
@FORM
@KEY
@asks_server
def new(here: Here, name: str, file: str, form: Form | None, key: str | None) -> int:
    """Keep the rows of FILE (CSV, TSV, JSON, JSON Lines) under NAME, as its first version."""
    made = here.site.make_data_set(name, _read(file, form).rows, key=key)
    return _told(here, made)


@data_sets.command()
@NAME
@FILE
@FORM
@click.option("--append", is_flag=True, help="Behind the rows of the newest version; else in place of them.")
@KEY
@asks_server
def add(here: Here, name: str, file: str, form: Form | None, append: bool, key: str | None) -> int:
    """Make the rows of FILE the next version of NAME. Those before stay as they are."""
    rows = _read(file, form).rows
    grow = here.site.add_data_set_rows if append else here.site.add_data_set_version
    return _told(here, grow(name, rows, key=key))


def _read(file: str, form: Form | None) -> Rows:
    found = read_rows(file, form)
    check_count(found.rows)
    return found


def _told(here: Here, made: DataSet) -> int:
    if here.screen.as_json:
        here.screen.document(made)
    else:
        here.screen.say(f"{counted(made['rows'], 'row')}, {', '.join(made['columns'])}: {made['url']}", style="dim")
        here.screen.text(f"{made['name']}@{made['version']}")
    return codes.GOOD


@data_sets.command()
@NAME
@click.option("-o", "--output", type=click.Path(path_type=Path), help="A file or a folder; left out, NAME.csv here.")
@click.option("--force", is_flag=True, help="Write over a file that is there.")
@asks_server
def download(here: Here, name: str, output: Path | None, force: bool) -> int:
    """Write the rows of NAME, or NAME@VERSION, to a file: .csv, .tsv, .json or .jsonl.

    Tables get an apostrophe before what a spreadsheet would take for a formula; JSON has each text as it is.
    """
    slug, number = data_set_and_version(name)
    target = output or Path()
    if target.is_dir():
        target /= f"{slug}.csv"
    check_target(target, force=force)
    number = number or here.site.data_set(slug)["version"]
    version = _version(slug, list(here.site.data_set_versions(slug)), number)
    with written(target, force=force) as file:
        rows = here.site.data_set_rows(slug, version=number)
        count = write_rows(file, form_of(target), version["columns"], rows)
    if here.screen.as_json:
        here.screen.document({"file": str(target), "version": number, "rows": count})
    else:
        here.screen.say(f"{counted(count, 'row')} of {slug}@{number} in", style="dim")
        here.screen.file(target)
    return codes.GOOD


@data_sets.command()
@NAME
@click.argument("new_name")
@asks_server
def rename(here: Here, name: str, new_name: str) -> int:
    """Call NAME otherwise. Batches and schedules go on using it."""
    return _told(here, here.site.change_data_set(name, new_name=new_name))


@data_sets.command()
@NAME
@click.option("--back", is_flag=True, help="Take it back.")
@asks_server
def archive(here: Here, name: str, back: bool) -> int:
    """Offer NAME no more; schedules that use it go off. Its versions stay."""
    return _told(here, here.site.change_data_set(name, archived=not back))
