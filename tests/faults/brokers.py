"""Redis and RabbitMQ as plain child processes in folders of their own, killed and started again on the same ports."""

from __future__ import annotations

import os
import shutil
import signal
from pathlib import Path

from tests.application import free_port
from tests.faults.nursery import Nursery
from tests.faults.processes import Process, answers, until

RABBITMQ = "/usr/lib/rabbitmq/bin/rabbitmq-server"
"""Not the one in the path, which changes to another account."""
RABBITMQ_START_S = 90


class Redis:
    """Keeps nothing on disk: it comes back empty."""

    missing = "" if shutil.which("redis-server") else "redis-server is not installed (bin/install-brokers)"

    def __init__(self, nursery: Nursery, folder: Path) -> None:
        self._nursery, self._folder, self.port = nursery, folder, free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        place = ["--bind", "127.0.0.1", "--port", str(self.port), "--dir", str(self._folder)]
        command = ["redis-server", *place, "--save", "", "--appendonly", "no"]
        self._process = Process(self._nursery, command, dict(os.environ), log=self._folder / "redis.log")
        until(lambda: answers(self.port), timeout_s=20, what=lambda: self._process.last_words)

    def flush(self) -> int:
        """Forgets everything; how many messages that were."""
        import redis

        with redis.Redis(port=self.port) as client:
            lost = client.llen("runs")
            client.flushall()
        return int(lost)  # type: ignore[arg-type]

    def kill(self) -> None:
        self._process.kill()


class RabbitMQ:
    """With a node name, ports, data and an epmd of its own."""

    missing = "" if Path(RABBITMQ).exists() else "rabbitmq-server is not installed (bin/install-brokers)"

    def __init__(self, nursery: Nursery, folder: Path) -> None:
        self._nursery, self._folder = nursery, folder / "rabbitmq"
        self._folder.mkdir(exist_ok=True)
        self.port, epmd = free_port(), str(free_port())
        self.url = f"amqp://guest:guest@127.0.0.1:{self.port}//"
        self._environment = os.environ | {
            "HOME": str(self._folder),  # where its cookie is
            "ERL_EPMD_PORT": epmd,
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODENAME": f"faults{self.port}@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": str(self.port),
            "RABBITMQ_DIST_PORT": str(free_port()),
            "RABBITMQ_MNESIA_BASE": str(self._folder / "mnesia"),
            "RABBITMQ_LOG_BASE": str(self._folder / "log"),
            "RABBITMQ_PID_FILE": str(self._folder / "pid"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self._folder / "plugins"),
            "RABBITMQ_CONFIG_FILE": str(self._folder / "none"),
        }
        log = self._folder / "epmd.log"
        self._epmd = Process(nursery, ["epmd", "-port", epmd, "-address", "127.0.0.1"], self._environment, log=log)
        until(lambda: answers(int(epmd)), timeout_s=20, what=lambda: self._epmd.last_words)

    def start(self) -> None:
        log = self._folder / "rabbitmq.log"
        self._process = Process(self._nursery, [RABBITMQ], self._environment, log=log, folder=self._folder)
        until(lambda: answers(self.port), timeout_s=RABBITMQ_START_S, what=lambda: self._process.last_words)

    def restart(self) -> None:
        """Killed, with all that it had not written, and started again."""
        self.kill()
        self.start()

    def kill(self) -> None:
        self._process.kill_group()
        until(lambda: not answers(self.port) or None, timeout_s=20, what="RabbitMQ did not die")

    def close(self) -> None:
        self._process.kill_group()
        self._epmd.signal(signal.SIGKILL)
