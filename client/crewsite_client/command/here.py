"""What all commands share: their options, the client, and which exit code an error becomes."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import click

from crewsite_client import Crewsite, CrewsiteError, NotAllowed, Refused, StillGoing, Unreachable
from crewsite_client.command import codes, settings
from crewsite_client.command.screen import OutputGone, Screen
from crewsite_client.errors import Busy, ServerFault

Command = Callable[..., int | None]
MOST_FAULTS = 20


@dataclass(frozen=True)
class Here:
    """What a command is given."""

    screen: Screen
    site: Crewsite


class Stop(click.ClickException):
    """Ends the command with a text and an exit code."""

    def __init__(self, message: str, code: int = codes.USAGE, name: str = "usage") -> None:
        super().__init__(message)
        self.exit_code = code  # type: ignore[misc] # click reads it of the instance
        self.name = name


def asks_server(command: Command) -> Callable[..., None]:
    """Gives a command ``--json``, ``--profile``, ``--url`` and ``--over-http``, and itself a ``Here``."""

    @click.option("--json", "as_json", is_flag=True, help="One JSON document on standard output, for programs.")
    @click.option("--profile", metavar="NAME", help=f"Which of the kept servers ({settings.PROFILE}).")
    @click.option("--url", help=f"Another server ({settings.URL}); its token comes from {settings.TOKEN}.")
    @click.option("--over-http", is_flag=True, help="Send the token to another machine in the clear.")
    @functools.wraps(command)
    def wrapped(as_json: bool, profile: str | None, url: str | None, over_http: bool, **options: Any) -> None:
        screen = Screen(as_json=as_json)
        try:
            try:
                with client(settings.chosen(url, profile, over_http=over_http)) as site:
                    code = command(Here(screen, site), **options)
            except (CrewsiteError, Stop, settings.NoSettings) as error:
                code = _told(screen, error)
            except KeyboardInterrupt:
                code = _told(screen, Stop("Interrupted.", codes.INTERRUPTED, "interrupted"))
            screen.flush()
        except OutputGone as gone:
            code = _gone(screen, gone)
        click.get_current_context().exit(code or codes.GOOD)

    return wrapped


def client(profile: settings.Profile) -> Crewsite:
    return Crewsite(profile.url, profile.token, over_http=profile.over_http)


def code_of(error: Exception) -> int:
    if isinstance(error, click.ClickException):
        return error.exit_code
    if isinstance(error, (NotAllowed, Unreachable, Busy, ServerFault)):
        return codes.NO_ACCESS
    return codes.NOT_ENDED if isinstance(error, StillGoing) else codes.USAGE


def message_of(error: Exception) -> str:
    """For people, with the rows of a batch counted from 1 as in its file's table."""
    if isinstance(error, click.ClickException):
        return error.message
    if isinstance(error, Refused):
        faults = [(name, fault) for name, fault in error.fields.items() if fault not in error.message]
        lines = [f"  {_field(name)}: {fault}" for name, fault in faults[:MOST_FAULTS]]
        more = len(faults) - len(lines)
        return "\n".join([error.message, *lines, *([f"  and {more} more"] if more > 0 else [])])
    return str(error)


def _field(name: str) -> str:
    row = re.fullmatch(r"inputs\.(\d+)(?:\.(.+))?", name)
    return f"row {int(row.group(1)) + 1}" + (f", {row.group(2)}" if row.group(2) else "") if row else name


def _gone(screen: Screen, gone: OutputGone) -> int:
    gone.end()
    if gone.is_closed_pipe:
        return codes.PIPE_CLOSED
    with suppress(OutputGone):
        screen.say(f"crewsite: Standard output cannot be written: {gone}.", style="red")
    return codes.USAGE


def _told(screen: Screen, error: Exception) -> int:
    if screen.as_json:
        name = error.code if isinstance(error, Refused) else getattr(error, "name", type(error).__name__.lower())
        fields = error.fields if isinstance(error, Refused) else {}
        message = error.message if isinstance(error, Refused) else message_of(error)
        screen.document({"error": {"code": name, "message": message, "fields": fields}})
    code = code_of(error)
    style = "yellow" if code in (codes.INTERRUPTED, codes.NOT_ENDED, codes.UNCLEAR) else "red"
    screen.say(f"crewsite: {message_of(error)}", style=style)
    return code
