"""How the tests are shared out among processes (``pytest -n``): by file, and what starts a whole installation together.

A share is done by one process, in the usual order, so that what a file or an installation needs is started once. The
longest shares come first: the last minute is for many small ones.
"""

from __future__ import annotations

from typing import Any

import pytest

INSTALLATIONS = ("tests/faults/", "tests/journeys/", "tests/crewsite/")
LONGEST = (
    "tests/faults/",
    "tests/runs/protocol/test_machine.py",
    "tests/hostile/test_api.py",
    "tests/hostile/test_pages.py",
    "tests/engine/web/test_html_text.py",
    "tests/runs/ledger/test_books.py",
    "tests/runs/bounds/test_lanes.py",
    "tests/journeys/",
    "tests/crewsite/",
    "tests/runs/ledger/test_caches.py",
    "tests/engine/tools/test_mcp_hostile.py",
    "tests/engine/tools/test_mcp.py",
)
"""From the longest on, but the installations, which start many processes, never all at once."""


def share_of(nodeid: str) -> str:
    """The folder or the file that the test is done with."""
    return next((folder for folder in INSTALLATIONS if nodeid.startswith(folder)), nodeid.partition("::")[0])


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if hasattr(config, "workerinput"):
        places = {share: place for place, share in enumerate(LONGEST)}
        items.sort(key=lambda item: places.get(share_of(item.nodeid), len(places)))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    from xdist.scheduler import LoadScopeScheduling

    class Shares(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return share_of(nodeid)

        def remove_node(self, node: Any) -> str | None:
            """What a crashed process has left to do goes back, and nothing else: it would wait for ever for a share
            that is done (pytest-xdist's issue 1378), and would repeat the test that it crashed in.
            """
            left = {share: tests for share, tests in self.assigned_work[node].items() if not all(tests.values())}
            crashed_in = next((test for tests in left.values() for test, is_done in tests.items() if not is_done), None)
            if crashed_in is None:
                del self.assigned_work[node]
                return None
            left[share_of(crashed_in)][crashed_in] = True
            self.assigned_work[node] = {share: tests for share, tests in left.items() if not all(tests.values())}
            super().remove_node(node)
            return crashed_in

        def schedule(self) -> None:
            """A process that came in place of a crashed one starts with two tests, as the first did: it asks for the
            next before it does one (pytest-xdist's issue 1327).
            """
            super().schedule()
            for node in self.nodes:
                while self.workqueue and not node.shutting_down and self._pending_of(self.assigned_work[node]) < 2:
                    self._assign_work_unit(node)
                if not self.workqueue and not node.shutting_down:
                    node.shutdown()

    config.option.loadscopereorder = False  # it would go by the number of tests
    return Shares(config, log)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_setupnodes(config: pytest.Config) -> None:
    """PostgreSQL's binaries are copied before several processes would do it at once."""
    from crewsite.local.postgres_account import installed_binaries, passable_binaries, server_account

    if server_account() is not None:
        passable_binaries(installed_binaries())
