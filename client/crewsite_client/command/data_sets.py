"""``crewsite datasets``: rows of inputs that are kept under a name, with versions."""

from __future__ import annotations

from collections.abc import Iterable
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
from crewsite_client.sets.answers import DataSet, DataSetPreview, DataSetVersion

FILE = click.argument("file", type=click.Path(exists=True, dir_okay=False, allow_dash=True))
FORM = click.option(
    "--format", "form", type=click.Choice(["csv", "tsv", "json", "jsonl"]), help="Where its name says none."
)
KEY = click.option("--idempotency-key", "key", help="The same key makes it once.")
NAME = click.argument("name", type=DATA_SET)
SHOWN_ROWS = 5
MOST_VERSIONS = 1_000
"""The server keeps no more of one."""


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
    versions = list(islice(here.site.data_set_versions(slug), MOST_VERSIONS))
    version = _version(slug, versions, number or found["version"])
    rows = list(islice(here.site.data_set_rows(slug, version=version["version"]), count))
    columns = here.site.data_set_columns(slug, version=version["version"])["items"]
    if here.screen.as_json:
        shown = {"versions": versions, "shown": version["version"], "facts": columns, "items": rows}
        here.screen.document({**found, **shown})
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
    here.screen.text(f"\nVersion {version['version']}, {counted(len(rows), 'row')} of {version['rows']:,}:")
    here.screen.table(
        ["column", "holds", "filled", "empty", "different"],
        [
            [one["name"], one["kind"], *(f"{one[name]:,}" for name in ("filled", "empty", "different"))]
            for one in columns
        ],
        right=(2, 3, 4),
    )
    if rows:
        names = version["columns"]
        here.screen.text("")
        here.screen.table(
            ["row", *names], [[row["row"], *(_cell(row["inputs"].get(name)) for name in names)] for row in rows]
        )
    return codes.GOOD


def _version(slug: str, versions: Iterable[DataSetVersion], number: int) -> DataSetVersion:
    for one in islice(versions, MOST_VERSIONS):
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
@click.option("--dry-run", is_flag=True, help="Say what it would change, and keep nothing.")
@KEY
@asks_server
def add(here: Here, name: str, file: str, form: Form | None, append: bool, dry_run: bool, key: str | None) -> int:
    """Make the rows of FILE the next version of NAME. Those before stay as they are."""
    rows = _read(file, form).rows
    if dry_run:
        return _tell_changes(here, here.site.preview_data_set(name, rows), append=append)
    grow = here.site.add_data_set_rows if append else here.site.add_data_set_version
    return _told(here, grow(name, rows, key=key))


def _tell_changes(here: Here, found: DataSetPreview, *, append: bool) -> int:
    changes = found["behind" if append else "alone"]
    if here.screen.as_json:
        here.screen.document(found)
    else:
        columns = [f"+{name}" for name in changes["columns_added"]] + [
            f"-{name}" for name in changes["columns_removed"]
        ]
        pairs: list[tuple[str, object]] = [(what, f"{changes[what]:,}") for what in ("same", "added", "removed")]
        pairs += [("added again", f"{changes['repeated']:,}")] if changes["repeated"] else []
        here.screen.pairs(pairs + ([("columns", ", ".join(columns))] if columns else []))
    if changes["refused"]:
        here.screen.say(changes["refused"], style="red")
    return codes.USAGE if changes["refused"] else codes.GOOD


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
    version = _version(slug, here.site.data_set_versions(slug), number)
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


@data_sets.command()
@NAME
@click.option("--yes", is_flag=True, help="It cannot be taken back.")
@asks_server
def delete(here: Here, name: str, yes: bool) -> int:
    """Delete NAME with all its versions, for good. Batches of it keep their rows; schedules that use it forbid it."""
    found = here.site.data_set(name)
    if not yes:
        raise Stop(f"{name} and its {counted(found['version'], 'version')} would be gone for good: say --yes.")
    here.site.delete_data_set(name, revision=found["revision"])
    if here.screen.as_json:
        here.screen.document({"name": name, "deleted": True})
    return codes.GOOD
