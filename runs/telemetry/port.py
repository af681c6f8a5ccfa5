"""The port on which a process that serves no pages answers machines: is it alive, is it ready, what are its figures."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable
from typing import Any

from django.conf import settings
from prometheus_client import start_http_server

log = logging.getLogger(__name__)

Readiness = Callable[[], dict[str, Any]]
"""``{"ready": …, "checks": [{"name", "ok", "why", "needed"}]}``, as web processes answer it."""


def serve(readiness: Readiness) -> None:
    """Answers on ``METRICS_PORT``, if there is one. A port in use is only logged."""
    if not settings.METRICS_PORT:
        return
    try:
        server, _ = start_http_server(settings.METRICS_PORT, addr=settings.METRICS_HOST)
    except OSError as error:
        log.warning("This worker's metrics are not served", exc_info=error)
        return
    server.set_app(_answers(readiness, metrics=server.get_app()))


def _answers(readiness: Readiness, *, metrics: Any) -> Any:
    """The WSGI application: ``/health/live`` and ``/health/ready``, and at any other path the metrics.

    A process whose event loop stands still is neither alive nor ready, although this thread could say so.
    """

    def answer(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        path = environ.get("PATH_INFO")
        if path == "/health/ready":
            state = readiness()
            return _json(state, start_response, ok=state["ready"])
        if path == "/health/live":
            live = all(check["ok"] for check in readiness()["checks"] if check["name"] == "event_loop")
            return _json({"live": live}, start_response, ok=live)
        figures: Iterable[bytes] = metrics(environ, start_response)
        return figures

    return answer


def _json(answer: dict[str, Any], start_response: Any, *, ok: bool) -> list[bytes]:
    headers = [("Content-Type", "application/json"), ("Cache-Control", "no-store")]
    start_response("200 OK" if ok else "503 Service Unavailable", headers)
    return [json.dumps(answer).encode()]
