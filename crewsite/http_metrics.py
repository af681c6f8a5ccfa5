"""What a web process counts of its HTTP requests, for Prometheus. Runs are counted in ``runs.telemetry.metrics``."""

from __future__ import annotations

from prometheus_client import Counter, Histogram

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

_request_s = Histogram(
    "crewsite_http_request_seconds",
    "Until a request was answered, streams until their first byte.",
    ("method", "status"),
)

_shed = Counter(
    "crewsite_requests_shed",
    "Requests answered 503, sign-ins and what exceeds a person's share 429: more to do than could be done in time.",
    ("kind",),
)
_cut = Counter(
    "crewsite_connections_cut",
    "Connections that the server closed: too many, too slow, unreadable, or never read.",
    ("reason",),
)


def connection_cut(reason: str) -> None:
    """``reason`` is one of ``crewsite.serving.protocol``'s few words."""
    _cut.labels(reason).inc()


def request_shed(kind: str) -> None:
    """``kind``: page, stream, machine or signin; share where one's own share was used up."""
    _shed.labels(kind).inc()


def request_answered(method: str, status: int, seconds: float) -> None:
    """By method and class of status. Not by address: that would be a series for each crew and run."""
    _request_s.labels(method if method in _METHODS else "other", f"{status // 100}xx").observe(seconds)
