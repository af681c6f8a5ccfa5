"""What must hold in the database after every step, whoever did what: no row may be found by these queries; and how
its rows are compared with the model's.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from runs.ledger.statements import ROLLUP_FIELDS, TOKEN_FIELDS
from tests.runs.protocol.model import RunModel
from tests.runs.protocol.purses import Row, TeamModel
from tests.runs.protocol.world import World


class Violated(AssertionError):
    """The protocol broke a promise. ``promise`` is which."""

    def __init__(self, promise: str, detail: object = "") -> None:
        super().__init__(f"{promise}: {detail}")
        self.promise = promise


_SUMS = ", ".join(
    [
        *(f"coalesce(sum({name}), 0) AS {name}" for name in TOKEN_FIELDS),
        "count(*) FILTER (WHERE kind = 'model' AND state IN ('ok', 'late') AND NOT cache_hit) AS successful_requests",
        "coalesce(sum(cost_nusd), 0) AS spent_nusd",
        "count(*) FILTER (WHERE state <> 'intent' AND cost_nusd IS NULL) AS unpriced_calls",
        "count(*) FILTER (WHERE usage_estimated) AS estimated_calls",
    ]
)
_HELD = "coalesce(sum(reserved_nusd) FILTER (WHERE state = 'intent'), 0) AS held"
_OWN = ", ".join(f"own.{name}" for name in ROLLUP_FIELDS)
_OF_CALLS = ", ".join(f"calls.{name}" for name in ROLLUP_FIELDS)
_SAME_STEP = (
    "one.run_id = two.run_id AND one.task_run_id IS NOT DISTINCT FROM two.task_run_id AND one.branch = two.branch "
    "AND one.step = two.step AND one.id <> two.id"
)

_BOOKED = """
    SELECT call.team_id, run.created_by_id, call.billed_month AS month,
           coalesce(CASE WHEN fix.month <> call.billed_month THEN fix.booked_nusd ELSE call.cost_nusd END, 0) AS spent,
           CASE WHEN call.state = 'intent' THEN call.reserved_nusd ELSE 0 END AS held
    FROM runs_call AS call JOIN runs_run AS run ON run.id = call.run_id
    LEFT JOIN runs_correction AS fix ON fix.call_id = call.id WHERE NOT call.simulated
    UNION ALL
    SELECT call.team_id, run.created_by_id, fix.month, coalesce(fix.cost_nusd, 0) - coalesce(fix.booked_nusd, 0), 0
    FROM runs_correction AS fix JOIN runs_call AS call ON call.id = fix.call_id
    JOIN runs_run AS run ON run.id = call.run_id WHERE NOT call.simulated AND fix.month <> call.billed_month
"""
"""What each bill holds of each call: one that was closed before the exact figure came keeps what it took."""

FACTS = {
    "a run's sums are those of its calls": f"""
        SELECT own.id::text FROM runs_run AS own, LATERAL (
            SELECT {_SUMS}, {_HELD} FROM runs_call WHERE run_id = own.id) AS calls
        WHERE ({_OWN}, own.reserved_nusd) IS DISTINCT FROM ({_OF_CALLS}, calls.held)""",
    "a task's sums are those of its calls": f"""
        SELECT own.key FROM runs_taskrun AS own, LATERAL (
            SELECT {_SUMS} FROM runs_call WHERE task_run_id = own.id) AS calls
        WHERE ({_OWN}) IS DISTINCT FROM ({_OF_CALLS})""",
    "a bill's sums are those of its month's real calls": f"""
        SELECT bill.month::text FROM runs_bill AS bill, LATERAL (
            SELECT coalesce(sum(spent), 0) AS spent, coalesce(sum(held), 0) AS held FROM ({_BOOKED}) AS line
            WHERE team_id = bill.team_id AND month = bill.month) AS calls
        WHERE (bill.spent_nusd, bill.reserved_nusd) IS DISTINCT FROM (calls.spent, calls.held)""",
    "what a person spent is the sum of their runs' real calls": f"""
        SELECT own.month::text FROM runs_allowance AS own, LATERAL (
            SELECT coalesce(sum(spent), 0) AS spent, coalesce(sum(held), 0) AS held FROM ({_BOOKED}) AS line
            WHERE team_id = own.team_id AND created_by_id = own.user_id AND month = own.month) AS calls
        WHERE (own.spent_nusd, own.reserved_nusd) IS DISTINCT FROM (calls.spent, calls.held)""",
    "every real call is on a bill": """
        SELECT call.id::text FROM runs_call AS call WHERE NOT simulated AND NOT EXISTS (
            SELECT FROM runs_bill WHERE team_id = call.team_id AND month = call.billed_month)""",
    "a run's budget holds": "SELECT id::text FROM runs_run WHERE spent_nusd + reserved_nusd > budget_nusd",
    "a team's budget holds": "SELECT month::text FROM runs_bill WHERE spent_nusd + reserved_nusd > budget_nusd",
    "a person's budget holds": "SELECT month::text FROM runs_allowance WHERE spent_nusd + reserved_nusd > budget_nusd",
    "a step is ok at most once": f"""
        SELECT one.id::text FROM runs_call AS one JOIN runs_call AS two ON {_SAME_STEP}
        WHERE one.state = 'ok' AND two.state = 'ok'""",
    "no call is started after its step was ok": f"""
        SELECT two.id::text FROM runs_call AS one JOIN runs_call AS two ON {_SAME_STEP}
        WHERE one.state = 'ok' AND two.started_at > one.finished_at""",
    "an unsafe call is repeated only if a person said that it did not happen": f"""
        SELECT two.id::text FROM runs_call AS one JOIN runs_call AS two ON {_SAME_STEP}
        WHERE one.effect = 'unsafe' AND two.effect = 'unsafe' AND NOT one.simulated AND two.started_at > one.started_at
          AND one.state IN ('ok', 'late', 'unknown') AND NOT EXISTS (
            SELECT FROM runs_review WHERE call_id = one.id AND NOT approved)""",
    "a succeeded run has only succeeded or skipped tasks": """
        SELECT run.id::text FROM runs_run AS run JOIN runs_taskrun AS task ON task.run_id = run.id
        WHERE run.state = 'succeeded' AND task.state NOT IN ('succeeded', 'skipped')""",
    "an ended run has no lease and no task under way": """
        SELECT run.id::text FROM runs_run AS run JOIN runs_taskrun AS task ON task.run_id = run.id
        WHERE run.state IN ('succeeded', 'failed', 'cancelled')
          AND (lease_until IS NOT NULL OR task.state IN ('pending', 'running', 'waiting'))""",
    "a call's epoch is not beyond its run's": """
        SELECT call.id::text FROM runs_call AS call JOIN runs_run AS run ON run.id = call.run_id
        WHERE call.epoch > run.lease_epoch""",
    "a call that is open is its run's newest worker's": """
        SELECT call.id::text FROM runs_call AS call JOIN runs_run AS run ON run.id = call.run_id
        WHERE call.state = 'intent' AND call.epoch < run.lease_epoch""",
    "nothing of an older epoch is ok after a newer epoch's first call": """
        SELECT one.id::text FROM runs_call AS one JOIN runs_call AS two ON one.run_id = two.run_id
        WHERE one.state = 'ok' AND one.epoch < two.epoch AND one.finished_at > two.started_at""",
    "no call is opened at an older epoch than an earlier one": """
        SELECT two.id::text FROM runs_call AS one JOIN runs_call AS two ON one.run_id = two.run_id
        WHERE two.started_at > one.started_at AND two.epoch < one.epoch""",
    "a model's answer costs its tokens at the prices kept": """
        SELECT id::text FROM runs_call WHERE state IN ('ok', 'late') AND kind = 'model' AND NOT cache_hit
          AND cost_nusd IS DISTINCT FROM round((prompt_tokens * input_usd_per_mtok
              + completion_tokens * output_usd_per_mtok) * 1000)""",
}
_FOUND = " UNION ALL ".join(
    f"(SELECT $${promise}$$, found.* FROM ({query}) AS found LIMIT 1)" for promise, query in FACTS.items()
)

_AGO = """
    12 * (extract(year FROM now() AT TIME ZONE 'UTC') - extract(year FROM month))::int
    + (extract(month FROM now() AT TIME ZONE 'UTC') - extract(month FROM month))::int
"""
"""How many months ago a month was."""

ROWS = {
    "run": """
        SELECT id, state, lease_epoch,
            CASE WHEN lease_until IS NULL THEN '' WHEN lease_until < clock_timestamp() THEN 'expired' ELSE 'live' END,
            cancel_requested_at IS NOT NULL, fruitless_takeovers, takeovers, waiting_for, needs_nusd,
            coalesce(rung_at < clock_timestamp() - interval '1 day', true), budget_nusd
        FROM runs_run""",
    "call": """
        SELECT id, state, cost_class, cost_nusd, reserved_nusd, prompt_tokens, completion_tokens, error_code,
            input_usd_per_mtok, output_usd_per_mtok, epoch, attempt
        FROM runs_call""",
    "task": "SELECT run_id, key, state, output_raw FROM runs_taskrun",
    "question": """
        SELECT task.run_id, task.key, review.number, review.call_id, review.approved
        FROM runs_review AS review JOIN runs_taskrun AS task ON task.id = review.task_run_id""",
    "bill": f"SELECT team_id, {_AGO}, budget_nusd, spent_nusd, reserved_nusd, closed_at IS NOT NULL FROM runs_bill",
    "allowance": f"SELECT team_id, user_id, {_AGO}, budget_nusd, spent_nusd, reserved_nusd, false FROM runs_allowance",
    "correction": f"SELECT call_id, booked_nusd, cost_nusd, {_AGO} FROM runs_correction",
}
_LENGTH_OF_KEY = {"run": 1, "call": 1, "task": 2, "question": 4, "bill": 2, "allowance": 3, "correction": 1}

PREPARE = [f"PREPARE found AS {_FOUND}", *(f"PREPARE {kind} AS {query}" for kind, query in ROWS.items())]
"""Planned once for all steps of all examples, which takes longer than to execute them."""
EXECUTE = "; ".join(f"EXECUTE {name}" for name in ("found", *ROWS))


class Facts:
    """Looks at the database after each step, in one round trip."""

    def __init__(self, world: World) -> None:
        self._world = world
        for statement in PREPARE:
            world.execute(statement)

    def check(self, runs: Sequence[RunModel], teams: Sequence[TeamModel]) -> list[str]:
        """Raises ``Violated`` with the first promise that is broken; else where the rows are not the model's, which
        takes them over.
        """
        (broken, *found) = self._world.read_several(EXECUTE)
        for promise, detail in broken:
            raise Violated(promise, detail)
        rows = dict(zip(ROWS, found, strict=True))
        return _compared(_keyed(rows), _modelled(runs) | self._money(runs, teams))

    def _money(self, runs: Sequence[RunModel], teams: Sequence[TeamModel]) -> dict[tuple[Any, ...], Row]:
        model: dict[tuple[Any, ...], Row] = {}
        for team, owner in zip(teams, self._world.owners, strict=True):
            model |= {("bill", owner.team.pk, team.month - month): bill for month, bill in team.bills.items()}
            for (person, month), own in team.allowances.items():
                model["allowance", owner.team.pk, self._world.people[person].user.pk, team.month - month] = own
        calls = [call for run in runs for call in run.calls if call.correction is not None]
        return model | {("correction", call.id): call.correction for call in calls}


def _keyed(rows: dict[str, list[tuple[Any, ...]]]) -> dict[tuple[Any, ...], tuple[Any, ...]]:
    return {(kind, *row[:length]): row[length:] for kind, length in _LENGTH_OF_KEY.items() for row in rows[kind]}


def _modelled(runs: Sequence[RunModel]) -> dict[tuple[Any, ...], Row]:
    model: dict[tuple[Any, ...], Row] = {}
    for run in runs:
        model["run", run.id] = run
        model |= {("call", call.id): call for call in run.calls}
        model |= {("task", run.id, key): task for key, task in run.tasks.items()}
        model |= {("question", run.id, *key): question for key, question in run.questions.items()}
    return model


def _compared(real: dict[tuple[Any, ...], tuple[Any, ...]], model: dict[tuple[Any, ...], Row]) -> list[str]:
    found = [f"{key} should be there" for key in model.keys() - real.keys()]
    found += [f"{key} should not be there" for key in real.keys() - model.keys()]
    for key in model.keys() & real.keys():
        if model[key].row() != real[key]:
            found.append(f"{key[0]} {model[key]!r} is {real[key]}, not {model[key].row()}")
            model[key].take(real[key])
    return found
