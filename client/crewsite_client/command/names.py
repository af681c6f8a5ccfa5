"""Names of crews and versions on the command line, and their completion by the shell."""

from __future__ import annotations

import re

import click
from click.shell_completion import CompletionItem

from crewsite_client import CrewsiteError, Retries
from crewsite_client.client import Crewsite
from crewsite_client.command import settings
from crewsite_client.command.here import Stop
from crewsite_client.command.screen import one_line

UUID = re.compile(r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}")
COMPLETION_S = 2.0
MOST_OFFERED = 200


class CrewName(click.ParamType[str]):
    """A crew's slug, or ``crew@3`` for a version of it."""

    name = "crew"

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """The team's crews, where the server says them soon."""
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
                crews = [crew for _, crew in zip(range(MOST_OFFERED), site.crews(), strict=False)]
        except (CrewsiteError, click.ClickException):
            return []
        return [
            CompletionItem(crew["slug"], help=one_line(crew["name"], 60))
            for crew in crews
            if crew["slug"].startswith(incomplete)
        ]


CREW = CrewName()


def crew_and_version(text: str) -> tuple[str, int | None]:
    """``support@3`` is version 3 of ``support``; without a number it is the draft, or the newest."""
    slug, at, number = text.partition("@")
    if at and not (number.isascii() and number.isdigit() and 0 < int(number) < 10**9):
        raise Stop(f"{text!r}: after @ comes a version's number.")
    return slug, int(number) if at else None


def is_id(text: str) -> bool:
    return UUID.fullmatch(text) is not None
