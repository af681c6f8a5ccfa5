"""A process that has loaded what is slow to load, and forks from itself the real processes that fault tests start.

Started as a program it reads one JSON order a line from its standard input: ``start``, ``poll``. When that ends, it
kills what is left of its children by their ids, so that no test leaves a process behind. LiteLLM alone takes seconds to
load, and these tests kill workers all the time. Crewsite itself is loaded under the settings that a process will have:
by ``tests.faults.moulds``, once for each environment.
"""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
import threading
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any

from engine.providers import litellm_client, tokens
from tests.faults.moulds import CREWSITE, Children, Moulds, Order, obey, redirect, take_over

LOADED = (
    "celery.apps.worker",
    "celery.bin.worker",
    "cryptography.fernet",
    "csp.middleware",
    "django.core.handlers.asgi",
    "django.core.management",
    "django.db.backends.postgresql.base",
    "django.forms",
    "django.template.engine",
    "django.views.generic",
    "engine.crew.crew",
    "engine.providers.simulated_or_real",
    "engine.tools.network_tools",
    "engine.spec.validate",
    "kombu.transport.pgmq",
    "kombu.transport.pyamqp",
    "kombu.transport.redis",
    "pyromark",
    "nh3",
    "psycopg_pool",
    "uvicorn.main",
    "uvicorn.protocols.http.httptools_impl",
    "whitenoise.middleware",
)
LOADED_BY_LITELLM = (
    "litellm._service_logger",
    "litellm.litellm_core_utils.default_encoding",
    "litellm.llms.edenai.chat.transformation",
    "litellm.llms.fal_ai.cost_calculator",
    "litellm.proxy.openai_files_endpoints.common_utils",
)
"""At its first request, as it stands; one that is gone costs these tests a moment and nothing else."""
ROOT = Path(__file__).resolve().parents[2]


class Nursery:
    """The test's end of it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.nursery"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def start(self, command: list[str], environment: dict[str, str], *, log: Path, folder: Path = ROOT) -> int:
        """The pid of a new process. ``manage.py ...`` and ``crewsite.serving`` are forked, all else is a program."""
        order = {"command": command, "environment": environment, "log": str(log), "folder": str(folder)}
        pid: int = self._ask(order)["pid"]
        return pid

    def exit_code(self, pid: int) -> int | None:
        """None while it runs; a negative signal's number if one ended it."""
        code: int | None = self._ask({"poll": pid})["code"]
        return code

    def close(self) -> None:
        """Kills all that it started."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(timeout=60)

    def _ask(self, order: dict[str, Any]) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with self._lock:
            self._process.stdin.write(json.dumps(order) + "\n")
            self._process.stdin.flush()
            answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        return answer


def main() -> None:
    _load()
    children = Children()
    orders, answers = os.fdopen(os.dup(0), "r"), os.fdopen(os.dup(1), "w")
    redirect(1, "/dev/null", os.O_WRONLY)
    moulds = Moulds(children, [orders.fileno(), answers.fileno()])

    def start(order: Order) -> int:
        if order["command"][0] in CREWSITE:
            return moulds.start(order)
        return children.fork(lambda: _become(order))

    def code(pid: int) -> int | None:
        return moulds.code(pid) if pid in moulds else children.code(pid)

    obey(orders, answers, start, code)
    moulds.close()
    children.kill()


def _load() -> None:
    """What needs no settings: those are each mould's own. LiteLLM is loaded and never used: it keeps its event loop."""
    for name in LOADED:
        import_module(name)
    litellm_client._litellm()
    for name in LOADED_BY_LITELLM:
        with suppress(ImportError):
            import_module(name)
    tokens.count_text("Hello")
    assert threading.active_count() == 1, "a process that has threads must not be forked"
    gc.collect()
    gc.freeze()


def _become(order: Order) -> None:
    take_over(order, order["environment"])
    program, *arguments = order["command"]
    os.execvpe(program, [program, *arguments], os.environ)


if __name__ == "__main__":
    main()
