"""A desk for every test of commands."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cast import make_cast, make_crew
from tests.client.command.desk import Desk
from tests.web_server import web_server


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    cast = make_cast()
    crew = make_crew(cast.owner)
    with web_server() as url:
        yield Desk(cast, crew, url, tmp_path)
