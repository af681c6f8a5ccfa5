"""``crewsite import`` and ``crewsite export``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import click

from crewsite_client.answers import Imported, Note
from crewsite_client.asks import ExportFormat
from crewsite_client.command import codes
from crewsite_client.command.files.project_files import packed
from crewsite_client.command.files.reading import read_object
from crewsite_client.command.files.writing import check_target, written
from crewsite_client.command.here import Here, Stop, asks_server
from crewsite_client.command.names import CREW, crew_and_version
from crewsite_client.command.screen import one_line

LEVELS = {"error": "red", "warning": "yellow", "info": "dim"}
MOST_NOTES = 20
ENDINGS: dict[ExportFormat, str] = {"json": ".json", "python": ".py", "yaml": "-yaml.zip", "jsonc": "-jsonc.zip"}
"""Of a file in a folder. The server's own name for it is not taken: with --force it could be that of any other file."""


@click.command("import", short_help="Make crews of files, folders and archives.")
@click.argument("paths", nargs=-1, required=True, type=click.Path(exists=True))
@click.option("--name", default="", help="Name of the crew, where one is made.")
@click.option("--crews", default="", metavar="all|0,2", help="Which crews of a project; left out, the best one.")
@click.option("--into", metavar="CREW", help="Make it the draft of this crew; FILE is JSON as Crewsite exports it.")
@click.option("--save", "note", metavar="NOTE", help="With --into: freeze the draft as a version.")
@click.option("--idempotency-key", "key", help="The same key makes the same crews once.")
@asks_server
def import_(
    here: Here, paths: Sequence[str], name: str, crews: str, into: str | None, note: str | None, key: str | None
) -> int:
    """Make crews of PATHS: files, folders and zip archives of a CrewAI project, or Crewsite's JSON.

    Nothing of it is run. Of folders, sources and texts are sent, and nothing whose name begins with a dot.
    """
    if into is not None:
        return _replace(here, paths, into, note, key)
    if note is not None:
        raise Stop("--save belongs to --into.")
    files, passed = packed(paths)
    for path in passed:
        here.screen.say(f"{path} is too large and was left out.", style="yellow")
    imported = here.site.import_files(files, name=name, crews=_which(crews), key=key)
    if here.screen.as_json:
        here.screen.document(imported)
    else:
        _show(here, imported)
    return codes.GOOD


def _which(text: str) -> Literal["all"] | list[int] | None:
    if text == "all":
        return "all"
    try:
        return [int(part) for part in text.split(",")] if text else None
    except ValueError:
        raise Stop("--crews is 'all' or indexes such as 0,2.") from None


def _show(here: Here, imported: Imported) -> None:
    made = [crew for crew in imported["crews"] if crew["slug"]]
    here.screen.table(
        ["crew", "name", "agents", "tasks"],
        [[crew["slug"], crew["name"], crew["agents"], crew["tasks"]] for crew in made],
        right=(2, 3),
    )
    left = len(imported["crews"]) - len(made)
    if left:
        here.screen.say(f"{left} more in this source; --crews all makes those that are meant.", style="dim")
    notes = [*imported["report"], *(note for crew in made[1:] for note in crew["report"])]
    for note in notes[:MOST_NOTES]:
        here.screen.say(_note(note), style=LEVELS.get(note["level"], ""))
    if len(notes) > MOST_NOTES:
        here.screen.say(f"and {len(notes) - MOST_NOTES} remarks more; --json has them all", style="dim")


def _note(note: Note) -> str:
    where = ":".join(str(part) for part in (note["file"], note["line"]) if part)
    return f"{note['level']} {one_line(where)} {one_line(note['message'], 400)}"


def _replace(here: Here, paths: Sequence[str], slug: str, note: str | None, key: str | None) -> int:
    """The draft of a crew from its own JSON; nobody's edit meanwhile is lost, since the revision is named."""
    if len(paths) != 1 or not Path(paths[0]).is_file():
        raise Stop("--into takes one file.")
    spec = read_object(paths[0])
    crew = here.site.replace_crew(slug, spec, revision=here.site.crew(slug)["revision"])
    version = here.site.save_version(slug, note=note, revision=crew["revision"], key=key) if note is not None else None
    if here.screen.as_json:
        here.screen.document({"crew": crew, "version": version})
        return codes.GOOD
    for complaint in crew["complaints"]:
        words = f"{complaint['level']} {complaint['field']}: {complaint['message']}"
        here.screen.say(words, style=LEVELS.get(complaint["level"], ""))
    here.screen.text(f"{slug}@{version['number']}" if version else f"{slug}: draft {crew['revision']}")
    return codes.GOOD


@click.command("export", short_help="Write a crew to a file.")
@click.argument("crew", type=CREW)
@click.option(
    "--format", "form", type=click.Choice(["json", "yaml", "jsonc", "python"]), default="json", show_default=True
)
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Where to; a folder, a file, or - to print it.")
@click.option("--force", is_flag=True, help="Write over a file that is there.")
@asks_server
def export(here: Here, crew: str, form: ExportFormat, output: Path | None, force: bool) -> int:
    """Write CREW, or CREW@VERSION, to a file: for CrewAI as Python, YAML or JSON, or as Crewsite's own JSON."""
    slug, version = crew_and_version(crew)
    target = output or Path()
    if target.is_dir():
        target /= f"{slug}{ENDINGS[form]}"
    printed = str(output) == "-"
    if not printed:
        check_target(target, force=force)
    file = here.site.export(slug, form, version=version)
    report = here.site.export_report(slug, form, version=version)
    if printed:
        return _print(here, file.content)
    with written(target, force=force) as opened:
        opened.write(file.content)
    if here.screen.as_json:
        here.screen.document({"file": str(target), "bytes": len(file.content), "report": report["report"]})
        return codes.GOOD
    for remark in report["report"]:
        here.screen.say(
            f"{remark['level']} {remark['field']}: {remark['message']}", style=LEVELS.get(remark["level"], "")
        )
    here.screen.file(target)
    return codes.GOOD


def _print(here: Here, content: bytes) -> int:
    if here.screen.as_json:
        raise Stop("A file that is printed is no JSON document: leave out --json, or give --output FILE.")
    if not here.screen.out.is_terminal:
        here.screen.raw(content)
        return codes.GOOD
    try:
        here.screen.text(content.decode())
    except UnicodeDecodeError:
        raise Stop("It is an archive; say where to write it.") from None
    return codes.GOOD
