"""What fault tests stand on: processes of their own, a time after which each test is given up, one world per module."""

from __future__ import annotations

import os
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.faults.database import Server
from tests.faults.nursery import Nursery
from tests.faults.world import Template, World, Worlds

FAST_S, SLOW_S = 200, 900
"""A quick one takes a minute at most, where nobody else uses the machine."""
failed = pytest.StashKey[bool]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[Any]) -> Any:
    report = yield
    if report.failed:
        item.stash[failed] = True
    return report


@pytest.fixture(autouse=True)
def bounded_time(request: pytest.FixtureRequest) -> Iterator[None]:
    """No fault may hang the tests."""
    seconds = SLOW_S if request.node.get_closest_marker("slow_fault") else FAST_S

    def give_up(*_: object) -> None:
        raise TimeoutError(f"This fault test took more than {seconds} s.")

    before = signal.signal(signal.SIGALRM, give_up)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


@pytest.fixture(scope="session")
def nursery() -> Iterator[Nursery]:
    nursery = Nursery()
    yield nursery
    nursery.close()


@pytest.fixture(scope="session")
def fault_folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="crewsite-faults-") as folder:
        os.chmod(folder, 0o755)  # as root, PostgreSQL runs under another account
        yield Path(folder)


@pytest.fixture(scope="session")
def database_server(fault_folder: Path) -> Iterator[Server]:
    server = Server(fault_folder / "postgres")
    try:
        server.start()
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="session")
def template(nursery: Nursery, database_server: Server, fault_folder: Path) -> Template:
    return Template(nursery, database_server.url, fault_folder)


@pytest.fixture(scope="session")
def worlds(nursery: Nursery, template: Template, fault_folder: Path) -> Iterator[Worlds]:
    worlds = Worlds(lambda **options: World(nursery, options.pop("template", template), fault_folder, **options))
    yield worlds
    worlds.close()


@pytest.fixture
def world(worlds: Worlds, request: pytest.FixtureRequest) -> Iterator[World]:
    world = worlds.usual()
    world.script()
    yield world
    if request.node.stash.get(failed, False):
        worlds.close()
