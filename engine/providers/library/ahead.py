"""Gets ready for requests to real models ahead of the first one: LiteLLM is imported on a thread of its own.

The import takes seconds. Begun when a program imports the Python API, it is mostly over when that program has made its
first crew, which waits for the rest: no request that somebody times has to.
"""

from __future__ import annotations

import atexit
import os
import sys
import threading
from collections.abc import Iterable, Sequence
from contextlib import suppress
from functools import cache
from importlib import import_module
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

from engine.catalogue import price_list
from engine.spec.crew_spec import DEFAULT_MODEL

CLIENT = "engine.providers.litellm_client"
"""Not imported above: it imports an HTTP client, which takes time."""


def begin() -> None:
    """Begins to load LiteLLM in the background, once in a process. Returns at once."""
    _thread()


def get_ready(models: Iterable[str]) -> None:
    """Blocks until nothing that takes long is left for the first requests to these models. Nobody is asked.

    Raises what the import of LiteLLM raises.
    """
    if _thread.cache_info().currsize:
        _thread().join()
    import_module(CLIENT).get_ready(models)


@cache
def _thread() -> threading.Thread:
    thread = threading.Thread(target=_load, name="loading LiteLLM", daemon=True)
    thread.start()
    atexit.register(_give_up, thread)
    if hasattr(os, "register_at_fork"):
        # A child would find modules locked by a thread that it does not have.
        os.register_at_fork(before=thread.join)
    return thread


def _load() -> None:
    with suppress(Exception):  # whoever needs it imports it again, and is told
        price_list.facts(DEFAULT_MODEL)
        import_module(CLIENT).get_ready([DEFAULT_MODEL])


def _give_up(thread: threading.Thread) -> None:
    """At the program's end. A thread must not be left in the midst of an import, nor is its end worth waiting for."""
    if thread.is_alive():
        sys.meta_path.insert(0, _NoMore(thread))
        thread.join()


class _NoMore(MetaPathFinder):
    """Ends the thread at the next module that it imports."""

    def __init__(self, thread: threading.Thread) -> None:
        self._thread = thread

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        if threading.current_thread() is self._thread:
            raise SystemExit
        return None
