"""The world that all examples of a test share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from runs.ledger import abandoned_calls
from runs.worker import claim, sweeper
from tests.runs.protocol.world import World


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """Time passes only where the machine says so: leases and bells last for hours."""
    for module in (claim, abandoned_calls):
        monkeypatch.setattr(module, "LEASE_S", 40_000)
    monkeypatch.setattr(sweeper, "RING_AGAIN_AFTER_S", 90_000)
    world = World()
    yield world
    world.close()
