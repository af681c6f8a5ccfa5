"""Somebody's terminal before a real server."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from agents_app.models import Crew
from crewsite_client.command import settings
from crewsite_client.command.main import crewsite
from teams.actions import issue_token
from teams.models import Scope
from tests.cast import Cast


@dataclass
class Desk:
    """Somebody's terminal."""

    cast: Cast
    crew: Crew
    url: str
    folder: Path

    def __post_init__(self) -> None:
        self.tokens = {scope: issue_token(self.cast.owner, scope=scope)[1] for scope in (Scope.ADMIN, Scope.READ)}
        self.environment = {settings.URL: self.url, settings.TOKEN: self.tokens[Scope.ADMIN]}

    def types(self, *words: object, code: int = 0, typed: str = "", **environment: str | None) -> Result:
        # Without COLUMNS, since tables would be as narrow as the terminal of whoever tests.
        here = {settings.FILE: str(self.folder / "profiles.json"), "COLUMNS": None}
        env = self.environment | here | environment
        done = CliRunner().invoke(crewsite, [str(word) for word in words], input=typed, env=env)
        assert done.exit_code == code, done.output
        assert all(secret not in done.output for secret in self.tokens.values())
        return done

    def json(self, *words: object, code: int = 0) -> Any:
        return json.loads(self.types(*words, "--json", code=code).stdout)
