"""What every page knows besides its own context: who acts in which team, its alerts, what is new to them, the other
teams, the theme."""

from __future__ import annotations

from functools import cache, lru_cache
from typing import Any

from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from runs.notices.alerts import head_of
from teams.queries import names_of_teams

THEMES = ("light", "dark")
OF_SETTINGS = frozenset({"prices", "reconciliations", "reports"})
"""Sections that stand among the settings."""
OF_RUNS = frozenset({"batches", "data-sets", "schedules"})
"""Sections that stand beside the list of runs."""


def site(request: HttpRequest) -> dict[str, Any]:
    """Callables where it costs a query: fragments of pages never call them."""
    theme = request.COOKIES.get("theme", "")
    user = getattr(request, "user", None)
    who = getattr(request, "who", None)
    path = request.path.split("/") if request.path.startswith("/t/") else []
    section = path[3] if path else ""
    return {
        "who": who,
        "head": cache(lambda: head_of(who) if who is not None else None),
        "section": section,
        "subsection": path[4] if len(path) > 4 else "",
        "nav": lambda: navigation(who.team.slug, _named(section)) if who is not None else "",
        "theme": theme if theme in THEMES else "",
        "my_teams": lambda: names_of_teams(user) if user is not None and user.is_authenticated else [],
    }


def _named(section: str) -> str:
    if section in OF_RUNS:
        return "runs"
    return "settings" if section in OF_SETTINGS else section


@lru_cache(maxsize=1_000)
def navigation(team: str, section: str) -> SafeString:
    """The links at the head of all pages of a team, by its slug. Drawn once, since they depend on nothing else."""
    return render_to_string("parts/nav.html", {"team": team, "section": section})
