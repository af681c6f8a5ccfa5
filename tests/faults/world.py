"""One installation for fault tests: a database, a broker, a provider, the web and workers, each a real process.

People's side of it is ``tests.faults.people``; whether it stayed honest is ``tests.faults.honest``'s to say.
"""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import httpx
import psycopg
from cryptography.fernet import Fernet

from runs.worker.postgres_broker import install_queues
from tests.application import OURS, free_port
from tests.faults.nursery import Nursery
from tests.faults.people import Team
from tests.faults.processes import Process, answers, until

QUICK = {
    "LEASE_S": 3,
    "BEAT_EVERY_S": 0.7,
    "LOOK_FOR_CANCEL_EVERY_S": 0.25,
    "MAX_SILENCE_S": 2,
    "SWEEP_EVERY_S": 0.4,
    "RING_AGAIN_AFTER_S": 1,
    "CANCEL_GRACE_S": 1,
}
"""The product's times, ten times as fast, so that a test sees a lease run out."""
PATIENT = {"LEASE_S": 20, "BEAT_EVERY_S": 3, "MAX_SILENCE_S": 15}
"""For many runs at once on a busy machine, where no worker is to lose a lease for want of processor time."""
SECRETS = {"SECRET_KEY": secrets.token_urlsafe(50), "ENCRYPTION_KEYS": Fernet.generate_key().decode()}
TEAMS = 80


class Template:
    """A prepared database that worlds are copied from, and the teams in it."""

    def __init__(self, nursery: Nursery, url: str, folder: Path) -> None:
        self.url = url
        self.provider_port = free_port()
        environment = environment_of(url, folder) | {"BROKER_URL": ""}
        provider_url = f"http://127.0.0.1:{self.provider_port}/v1"
        run_to_end(nursery, ["manage.py", "migrate", "-v0"], environment, folder / "migrate.log")
        install_queues(url)
        made = ["manage.py", "fault_teams", provider_url, str(TEAMS)]
        self.teams = json.loads(run_to_end(nursery, made, environment, folder / "teams.log"))

    def copy(self, name: str) -> str:
        """The URL of a new database with all that is in this one.

        By FILE_COPY: PostgreSQL's other way, its default, loses the empty form of unlogged indexes at a crash, and pgmq
        has one.
        """
        server, _, template = self.url.rpartition("/")
        with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY")  # type: ignore[arg-type]
        return f"{server}/{name}"


class World:
    """``way`` is from the database's address, where tests look, to the one that processes are given."""

    def __init__(
        self,
        nursery: Nursery,
        template: Template,
        folder: Path,
        *,
        broker_url: str = "",
        way: Callable[[str], str] = str,
        constants: Mapping[str, float] | None = None,
    ) -> None:
        self.nursery = nursery
        self.folder = folder
        self.name = f"world_{secrets.token_hex(4)}"
        self.database_url = template.copy(self.name)
        self.bill = folder / f"{self.name}.bill"
        self.effects = folder / f"{self.name}.effects"
        self.workers: list[Process] = []
        self._connection: psycopg.Connection[tuple[Any, ...]] | None = None
        self._teams = list(template.teams)
        self._constants = QUICK | dict(constants or {})
        self._environment = environment_of(way(self.database_url), folder) | {"BROKER_URL": broker_url}
        self.provider_url = f"http://127.0.0.1:{template.provider_port}"
        self._start_provider(template.provider_port)
        self.port = free_port()
        self.client = httpx.Client(timeout=30, limits=httpx.Limits(max_connections=50))
        self.start_web()

    def start_web(self, **options: Any) -> None:
        """The web process, on the same port as before."""
        self._environment |= {"HOST": "127.0.0.1", "PORT": str(self.port)}
        self.web = self._start(["crewsite.serving"], "web", **options)
        until(lambda: answers(self.port), timeout_s=60, what=lambda: f"no web\n{self.web.last_words}")

    def worker(self, **options: Any) -> Process:
        """One more worker. Options: ``failpoint``, ``constants`` besides the quick ones, ``environment``."""
        worker = self._start(["manage.py", "worker"], "worker", **options)
        self.workers.append(worker)
        return worker

    def shared_worker(self, *, failpoint: str = "") -> Process:
        """A worker with this failpoint and no other; the one that is there, if there is one."""
        alive = [one for one in self.workers if one.alive]
        if any(one.environment["FAILPOINT"] != failpoint for one in alive):
            self.stop_workers()
            alive = []
        return alive[0] if alive else self.worker(failpoint=failpoint)

    def team(self) -> Team:
        """A team that no test had before."""
        given = self._teams.pop()
        return Team(self, given["id"], given["token"])

    def manage(self, *arguments: str) -> str:
        """What ``manage.py`` prints in this world."""
        log = self.folder / f"manage-{secrets.token_hex(4)}.log"
        return run_to_end(self.nursery, ["manage.py", *arguments], self._environment, log)

    def rows(self, query: str, *parameters: object) -> list[tuple[Any, ...]]:
        return self.execute(query, *parameters).fetchall()

    def execute(self, query: str, *parameters: object) -> psycopg.Cursor[tuple[Any, ...]]:
        """On a connection that is kept: these tests look at rows all the time. It is made anew where it was cut.

        A mapping alone names its parameters.
        """
        try:
            self._connection = self._connection or psycopg.connect(self.database_url, autocommit=True)
            named = parameters[0] if len(parameters) == 1 and isinstance(parameters[0], Mapping) else None
            return self._connection.execute(query, named or parameters or None)  # type: ignore[arg-type]
        except psycopg.OperationalError:
            self._connection = None
            raise

    def script(self, *rules: dict[str, Any], latency_s: float = 0.0) -> None:
        """What the provider does from now on; whoever it still holds is let go."""
        order = {"rules": list(rules), "latency_s": latency_s}
        # As plain ASCII: some tests have the provider say what is no character.
        self.client.post(f"{self.provider_url}/script", content=json.dumps(order)).raise_for_status()

    def release(self) -> None:
        self.client.post(f"{self.provider_url}/release", json={}).raise_for_status()

    def seen(self) -> dict[str, Any]:
        answer: dict[str, Any] = self.client.get(f"{self.provider_url}/seen").json()
        return answer

    def billed(self) -> list[dict[str, Any]]:
        """The provider's own bill."""
        return [json.loads(line) for line in self.bill.read_text().splitlines()]

    def let_leases_run_out(self) -> None:
        """As if the workers of all runs had died a lease ago."""
        past = "lease_until = clock_timestamp() - interval '1 second'"
        self.execute(f"UPDATE runs_run SET {past} WHERE lease_until IS NOT NULL")

    def stop_workers(self) -> None:
        for worker in self.workers:
            worker.kill()
        self.workers.clear()

    def close(self) -> None:
        self.stop_workers()
        self.web.kill()
        self._provider.kill()
        self.client.close()
        if self._connection is not None:
            self._connection.close()

    def last_words(self) -> str:
        return "\n".join(f"--- {one.command} {one.exit_code}\n{one.last_words}" for one in [self.web, *self.workers])

    def _start_provider(self, port: int) -> None:
        assert not answers(port), "one world at a time: the last one's provider still listens"
        command = [os.sys.executable, "-m", "tests.faults.provider", str(port), str(self.bill), str(self.effects)]
        self._provider = Process(self.nursery, command, dict(os.environ), log=self.folder / "provider.log")
        until(lambda: answers(port), timeout_s=30, what=lambda: f"no provider\n{self._provider.last_words}")

    def _start(
        self,
        command: list[str],
        name: str,
        *,
        failpoint: str = "",
        constants: Mapping[str, float] | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> Process:
        times = ",".join(f"{path}={value}" for path, value in (self._constants | dict(constants or {})).items())
        given = {"FAILPOINT": failpoint, "FAULT_CONSTANTS": times, "CREWSITE_PROCESS": name} | dict(environment or {})
        log = self.folder / f"{name}-{secrets.token_hex(3)}.log"
        return Process(self.nursery, command, self._environment | given, log=log)


class Worlds:
    """One world at a time: the provider has one port. The usual one lasts until another is made or a test failed, whose
    runs would trouble the next test.
    """

    def __init__(self, make: Callable[..., World]) -> None:
        self._make = make
        self._world: World | None = None
        self._usual = False

    def usual(self) -> World:
        if self._world is None or not self._usual:
            self.other()
            self._usual = True
        assert self._world is not None
        return self._world

    def other(self, **options: Any) -> World:
        """A world of one's own; the options are ``World``'s."""
        self.close()
        self._world = self._make(**options)
        return self._world

    def close(self) -> None:
        self._usual = False
        if self._world is not None:
            self._world.close()
            self._world = None


def environment_of(url: str, folder: Path) -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if name not in OURS}
    return (
        inherited
        | SECRETS
        | {
            "DJANGO_SETTINGS_MODULE": "tests.faults.settings",
            "DATABASE_URL": url,
            "DATA_DIR": str(folder),
            "CREWSITE_LOCAL": "1",
            "PLAIN_STATIC": "1",
            "SIMULATED_PACE": "0",
            "LOG_LEVEL": "WARNING",
            "ALLOWED_PRIVATE_HOSTS": "127.0.0.1",
            "FENCING": os.environ.get("FENCING", ""),
        }
    )


def run_to_end(nursery: Nursery, command: list[str], environment: dict[str, str], log: Path) -> str:
    """What it printed; fails if it did."""
    process = Process(nursery, command, environment, log=log)
    code = process.wait(timeout_s=120)
    assert code == 0, process.last_words
    return log.read_text().strip()
