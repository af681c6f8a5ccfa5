"""Several web processes behind one port: they share its socket, count into one set of figures, and end together.

uvicorn's own supervisor starts them and starts another for one that ends.
"""

from __future__ import annotations

import os
import signal
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

SUPERVISOR = "CREWSITE_WEB_SUPERVISOR"
"""The environment variable by which a process knows that it is one of several, and whose."""
METRICS_FOLDER = "PROMETHEUS_MULTIPROC_DIR"
"""prometheus-client's own: each process keeps its counts in files there, and any of them can tell those of all."""
LOOK_EVERY_S = 0.5


@contextmanager
def one_of_several() -> Iterator[None]:
    """What is started meanwhile knows that it is one of several web processes of this one."""
    with tempfile.TemporaryDirectory(prefix="crewsite-metrics-") as folder:
        os.environ |= {SUPERVISOR: str(os.getpid()), METRICS_FOLDER: folder}
        yield


def end_with_supervisor() -> None:
    """If this is one of several web processes, it stops once the one that started it is gone, however that ended."""
    supervisor = int(os.environ.get(SUPERVISOR, "0"))
    if supervisor and supervisor != os.getpid():
        threading.Thread(target=_watch, args=(supervisor,), name="supervisor", daemon=True).start()


def _watch(supervisor: int) -> None:
    while os.getppid() == supervisor:
        time.sleep(LOOK_EVERY_S)
    os.kill(os.getpid(), signal.SIGTERM)
