"""Keeps libraries off the network while they work for us: what they fetch of their own accord is refused.

LiteLLM looks up tokenizers, prompt templates, lists of models and credentials at other hosts, mostly by blocking calls,
and a network without those hosts then holds it up for a minute. Whoever works on a request or loads a library does so
within ``no_own_traffic``. Every connection, every look-up of a name and every start of a program in that context is
refused, whichever library tries it, except while the one request of the attempt is sent.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from engine.context_variables import holding

log = logging.getLogger(__name__)

LOOK_UPS = frozenset({"socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr", "socket.getnameinfo"})
"""Never ours: the look-ups of our own requests are made on threads, which have no context."""
PROGRAMS = frozenset({"subprocess.Popen", "os.system", "os.posix_spawn"})
CONNECTION = "socket.connect"
WATCHED = LOOK_UPS | PROGRAMS | {CONNECTION}
"""Names of Python's audit events."""


class OwnAccord(ConnectionRefusedError):
    """A library tried to reach something that nobody asked it to reach. Libraries take it for a network error."""


@dataclass(slots=True)
class Traffic:
    """What may be reached in this context. ``sending``: a connection may be made. ``refused``: what was tried."""

    sending: bool = False
    refused: list[str] = field(default_factory=list)

    def note(self, target: str) -> None:
        """Notes that this was refused, and tells the log once."""
        if target not in self.refused:
            self.refused.append(target)
            log.info("A library tried to reach %s by itself, which was refused.", target)


_traffic: ContextVar[Traffic | None] = ContextVar("traffic", default=None)


@contextmanager
def no_own_traffic() -> Iterator[Traffic]:
    """Within it, and in tasks and threads that take its context along, nothing is reached but while ``sending``."""
    _watch()
    traffic = Traffic()
    with holding(_traffic, traffic):
        yield traffic


def is_watched() -> bool:
    """Whether this is done within ``no_own_traffic``, or by something that was begun there."""
    return _traffic.get() is not None


@cache
def _watch() -> None:
    """Has the interpreter ask before each connection of this process. It cannot be told to stop."""
    sys.addaudithook(_refuse_own_accord)


def _refuse_own_accord(event: str, arguments: tuple[Any, ...]) -> None:
    if event not in WATCHED:
        return
    traffic = _traffic.get()
    if traffic is None or (traffic.sending and event == CONNECTION):
        return
    target = _target(event, arguments)
    traffic.note(target)
    raise OwnAccord(f"Only the model's provider is asked, and not {target}.")


def _target(event: str, arguments: tuple[Any, ...]) -> str:
    """The host, or the name of the program."""
    value = arguments[1] if event == CONNECTION else arguments[0]
    return str(value[0] if isinstance(value, list | tuple) and value else value)[:200]
