"""What people of a team do in fault tests, through the JSON API, and how they see their runs: by the rows."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx

from tests.faults.processes import until

if TYPE_CHECKING:
    from tests.faults.world import World

ENDED = ("succeeded", "failed", "cancelled")
FIRST_LOOK_S = 60.0
MOST_TRIES = 10
MADE_AGAIN = "calls in flight were made again"


class Team:
    """``id`` is the team's row, ``token`` acts as its owner."""

    def __init__(self, world: World, team_id: int, token: str) -> None:
        self.world, self.id, self._token = world, team_id, token

    def ask(self, method: str, path: str, *, key: str = "", json: Any = None) -> httpx.Response:
        """One request to the API, whatever comes of it. While the web has too much to do, it asks again, as told."""
        headers = {"Authorization": f"Bearer {self._token}"} | ({"Idempotency-Key": key} if key else {})
        address = f"http://127.0.0.1:{self.world.port}/api/v1{path}"
        for _ in range(MOST_TRIES):
            answer = self.world.client.request(method, address, headers=headers, json=json)
            if answer.status_code != httpx.codes.SERVICE_UNAVAILABLE:
                break
            time.sleep(float(answer.headers["Retry-After"]))
        return answer

    def design(self, spec: dict[str, Any]) -> str:
        """The new crew's slug."""
        answer = self.ask("POST", "/crews", json=spec)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["slug"])

    def launch(self, crew: dict[str, Any] | str, *, tag: str = "", key: str = "", **body: Any) -> Run:
        """A new run of a crew, given as a spec or as the slug of one that was designed."""
        slug = crew if isinstance(crew, str) else self.design(crew)
        tag = tag or secrets.token_hex(4)
        answer = self.ask("POST", f"/crews/{slug}/runs", key=key, json={"inputs": {"tag": tag}} | body)
        assert answer.status_code == 202, f"{answer.text}\n{self.world.web.last_words}"
        return Run(self.world, answer.json()["id"], tag)

    def launch_surely(self, crew: str, *, key: str, **body: Any) -> Run:
        """As a careful client does: the same launch again and again under one key, until it is answered."""

        def answered() -> Run | None:
            try:
                answer = self.ask("POST", f"/crews/{crew}/runs", key=key, json={"inputs": {"tag": key}} | body)
            except httpx.TransportError:
                return None
            assert answer.status_code == 202 or answer.status_code >= 500, answer.text
            return Run(self.world, answer.json()["id"], key) if answer.status_code == 202 else None

        return until(answered, timeout_s=60, what=lambda: f"no answer\n{self.world.web.last_words}", every_s=0.1)

    def wait_until_in_flight(self, task: str, runs: list[Run]) -> None:
        """Until the provider was asked for this task of all the runs, or of one of them twice, and fails then."""
        until(
            lambda: self._repeated(task, runs) or self._asked(task, runs) == len(runs),
            timeout_s=60,
            what=lambda: f"{self.world.seen()}\n{self.world.last_words()}",
        )
        assert not self._repeated(task, runs), MADE_AGAIN

    def assert_nobody_repeats(self, task: str, runs: list[Run], *, another: str) -> None:
        """That no worker makes these runs' calls for the task again, all of which are in flight.

        So each worker must have had its choice of the runs. It had once it finished a run of ``another`` crew (its
        slug): runs under way that seem to have lost their worker are taken before new ones.
        """
        last = self.launch_surely(another, key=secrets.token_hex(4))
        until(lambda: self._repeated(task, runs) or last.state == "succeeded", timeout_s=40, what=self.world.last_words)
        assert not self._repeated(task, runs), MADE_AGAIN

    def _asked(self, task: str, runs: list[Run], *, times: int = 1) -> int:
        arrived = self.world.seen()["arrived"]
        return sum(arrived.get(f"{run.tag}/{task}", 0) >= times for run in runs)

    def _repeated(self, task: str, runs: list[Run]) -> bool:
        return self._asked(task, runs, times=2) > 0

    def launch_many(self, crew: dict[str, Any], number: int, **body: Any) -> list[Run]:
        slug = self.design(crew)
        with ThreadPoolExecutor(8) as pool:
            return list(pool.map(lambda _: self.launch(slug, **body), range(number)))


@dataclass(frozen=True)
class Run:
    """A run as its rows say."""

    world: World
    id: str
    tag: str

    def get(self, fields: str) -> Any:
        """Columns of the run; one alone as itself."""
        (row,) = self.world.rows(f"SELECT {fields} FROM runs_run WHERE id = %s", self.id)
        return row if len(row) > 1 else row[0]

    @property
    def state(self) -> str:
        return str(self.get("state"))

    def calls(self, fields: str = "state") -> list[Any]:
        """Columns of its calls in the order in which they began."""
        order = "FROM runs_call WHERE run_id = %s ORDER BY started_at, id"
        rows = self.world.rows(f"SELECT {fields} {order}", self.id)
        return [row if len(row) > 1 else row[0] for row in rows]

    @property
    def sent(self) -> list[str]:
        """The states of its calls, without attempts that a worker opened just before it lost the run. They were never
        sent and are free, and on a busy machine there may always be one.
        """
        return [state for state, code in self.calls("state, error_code") if (state, code) != ("error", "cancelled")]

    def tasks(self) -> dict[str, str]:
        """Each task's state."""
        return dict(self.world.rows("SELECT key, state FROM runs_taskrun WHERE run_id = %s ORDER BY position", self.id))

    @property
    def billed(self) -> list[dict[str, Any]]:
        """What the provider billed for it."""
        return [line for line in self.world.billed() if line["tag"] == self.tag]

    def wait_until_asked(self, task: str, *, times: int = 1) -> None:
        """Until the provider was asked for the task so often. A run that ends before that fails at once."""
        name = f"{self.tag}/{task}"

        def asked() -> bool:
            return bool(self.world.seen()["arrived"].get(name, 0) >= times)

        until(
            lambda: asked() or self.state in ENDED,
            timeout_s=FIRST_LOOK_S,
            what=lambda: f"{name} was not asked for: {self.world.seen()}, {self.state}\n{self.world.last_words()}",
        )
        ended = self.get("state, error_code")
        assert asked(), f"{name} was not asked for: ended as {ended}\n{self.world.seen()}\n{self.world.last_words()}"


def wait_for(runs: Iterable[Run], *, states: tuple[str, ...] = ENDED, timeout_s: float = FIRST_LOOK_S) -> None:
    """Until all of them are in one of the states."""
    runs = list(runs)
    world, ids = runs[0].world, [run.id for run in runs]
    left = "SELECT id::text, state FROM runs_run WHERE id = ANY(%s::uuid[]) AND NOT state = ANY(%s)"
    until(
        lambda: not world.rows(left, ids, list(states)),
        timeout_s=timeout_s,
        what=lambda: f"not {states}: {world.rows(left, ids, list(states))[:5]}\n{world.last_words()}",
        every_s=0.1,
    )
