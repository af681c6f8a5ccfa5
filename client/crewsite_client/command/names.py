"""Names of crews and versions on the command line, and their completion by the shell."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from itertools import islice

import click
from click.shell_completion import CompletionItem

from crewsite_client import CrewsiteError, Retries
from crewsite_client.client import Crewsite
from crewsite_client.command import settings
from crewsite_client.command.here import Stop
from crewsite_client.command.screen import one_line

UUID = re.compile(r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}")
NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,199}")
COMPLETION_S = 2.0
MOST_OFFERED = 200


class Name(click.ParamType[str]):
    """A name that the shell completes, where the server says the team's soon."""

    def __init__(self, name: str, offered: Callable[[Crewsite], Iterator[tuple[str, str]]]) -> None:
        """``offered``: names, each with what it is."""
        self.name = name
        self._offered = offered

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        try:
            profile = settings.chosen(
                ctx.params.get("url"), ctx.params.get("profile"), over_http=bool(ctx.params.get("over_http"))
            )
            with Crewsite(
                profile.url,
                profile.token,
                over_http=profile.over_http,
                timeout_s=COMPLETION_S,
                retries=Retries(times=0),
            ) as site:
                found = list(islice(self._offered(site), MOST_OFFERED))
        except (CrewsiteError, click.ClickException):
            return []
        return [
            CompletionItem(name, help=one_line(words, 60))
            for name, words in found
            if is_name(name) and name.startswith(incomplete)  # the shell takes it for what was typed
        ]


CREW = Name("crew", lambda site: ((crew["slug"], crew["name"]) for crew in site.crews()))
"""A crew's slug, or ``crew@3`` for a version of it."""
DATA_SET = Name("dataset", lambda site: ((one["name"], f"{one['rows']:,} rows") for one in site.data_sets()))
"""A data set's name, or ``leads@3`` for a version of it."""
SCHEDULE = Name("schedule", lambda site: ((one["id"], one["name"]) for one in site.schedules()))


def crew_and_version(text: str) -> tuple[str, int | None]:
    """``support@3`` is version 3 of ``support``; without a number it is the draft, or the newest."""
    return _versioned(text, "crew")


def data_set_and_version(text: str) -> tuple[str, int | None]:
    return _versioned(text, "data set")


def _versioned(text: str, what: str) -> tuple[str, int | None]:
    slug, at, number = text.partition("@")
    if not is_name(slug):
        raise Stop(f"There is no {what} {slug!r}: names have letters, digits, - and _.", name="not_found")
    if at and not (number.isascii() and number.isdigit() and 0 < int(number) < 10**9):
        raise Stop(f"{text!r}: after @ comes a version's number.")
    return slug, int(number) if at else None


def is_name(text: str) -> bool:
    """Whether it can be a slug, of which the name of a file can be made."""
    return NAME.fullmatch(text) is not None


def is_id(text: str) -> bool:
    return UUID.fullmatch(text) is not None
