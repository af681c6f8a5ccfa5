"""What every page knows besides its own context: who acts in which team, the other teams, and the theme."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

from teams.queries import teams_of

THEMES = ("light", "dark")


def site(request: HttpRequest) -> dict[str, Any]:
    """Lazy where it costs a query: fragments do not ask for the navigation."""
    theme = request.COOKIES.get("theme", "")
    user = getattr(request, "user", None)
    return {
        "who": getattr(request, "who", None),
        "section": request.path.split("/")[3] if request.path.startswith("/t/") else "",
        "theme": theme if theme in THEMES else "",
        "my_teams": lambda: list(teams_of(user)) if user is not None and user.is_authenticated else [],
    }
