"""What tests of runs share: a worker's process and its writer, each with threads and connections of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from runs.ledger.group_commit import GroupCommit
from runs.worker.process import WorkerProcess


@pytest.fixture
def worker() -> Iterator[WorkerProcess]:
    process = WorkerProcess()
    yield process
    process.stop(grace_s=1)


@pytest.fixture
def workers() -> Iterator[list[WorkerProcess]]:
    """Two processes: each with caches and a writer of its own."""
    pair = [WorkerProcess(), WorkerProcess()]
    yield pair
    for process in pair:
        process.stop(grace_s=1)


@pytest.fixture
def writer() -> Iterator[GroupCommit]:
    writer = GroupCommit()
    yield writer
    writer.close()
