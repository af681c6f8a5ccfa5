"""Whether the work was done and the ledger is right: everything ended well, equals the stand-in's own bill line by
line, and no invariant is broken.
"""

from __future__ import annotations

import time

from django.db import connection

from bench.throughput_bench.provider import Billed, Provider
from bench.throughput_bench.teams import LIVE, count_runs

INPUT_NUSD, OUTPUT_NUSD = 150, 600
"""A token of the model's in 1e-9 USD, by the price list that every installation begins with."""

LINES = """
    SELECT provider_request_id, prompt_tokens, completion_tokens, cost_nusd, state, error
    FROM runs_call WHERE kind = 'model' AND started_at >= %s AND NOT (state = 'error' AND cost_nusd = 0)
"""
"""Without those that were taken back before they were sent, as when a worker stops."""


class Wrong(AssertionError):
    """What was measured did not do its work, so that the figures mean nothing."""


class Books:
    """Opened before a part, which resets the stand-in's bill; ``close`` compares."""

    def __init__(self, provider: Provider) -> None:
        self._provider = provider
        provider.reset()
        with connection.cursor() as cursor:
            cursor.execute("SELECT clock_timestamp()")
            self._opened_at = cursor.fetchone()[0]

    def came(self) -> dict[str, float]:
        """When the first request of each run came, so far, by its order."""
        billed, _ = self._provider.report()
        return {one.order: one.came_s for one in reversed(billed)}

    def close(self, what: str) -> tuple[list[Billed], int]:
        """The stand-in's bill and the most it had in flight. Raises ``Wrong`` if the ledger says anything else."""
        from runs.ledger.invariants import check

        billed, most_in_flight = self._provider.report()
        expected = {
            one.id: (
                one.prompt_tokens,
                one.completion_tokens,
                one.prompt_tokens * INPUT_NUSD + one.completion_tokens * OUTPUT_NUSD,
            )
            for one in billed
        }
        with connection.cursor() as cursor:
            cursor.execute(LINES, [self._opened_at])
            rows = cursor.fetchall()
        lines = {row[0]: row[1:4] for row in rows}
        others = [row for row in rows if row[0] not in expected]
        counts = f"{len(billed)} calls billed, {len(rows)} in the ledger"
        _hold(len(rows) == len(billed), f"{what}: {counts}, of which nobody billed {others[:3]}")
        _hold(lines == expected, f"{what}: the ledger's lines are not the bill's: {others[:3]}")
        unwell = count_runs("state IN ('failed', 'cancelled', 'waiting')")
        _hold(not unwell, f"{what}: {unwell} runs did not succeed")
        broken = [f"{one.name}: {one.rows[0]}" for one in check()]
        _hold(not broken, f"{what}: {'; '.join(broken)}")
        return billed, most_in_flight


def wait_until_ended(*, timeout_s: float, look_every_s: float = 0.02) -> float:
    """When no run was left to do, on the monotonic clock. Raises ``Wrong`` if that takes too long."""
    return wait_until(LIVE, at_most=0, timeout_s=timeout_s, look_every_s=look_every_s)


def wait_until(where: str, *parameters: object, at_most: int, timeout_s: float, look_every_s: float = 0.02) -> float:
    """When at most so many runs were left that are so, on the monotonic clock."""
    deadline = time.monotonic() + timeout_s
    while (left := count_runs(where, *parameters)) > at_most:
        _hold(time.monotonic() < deadline, f"{left} runs are still {where} after {timeout_s:g} s")
        time.sleep(look_every_s)
    return time.monotonic()


def _hold(condition: bool, otherwise: str) -> None:
    if not condition:
        raise Wrong(otherwise)
