"""What sweepers do besides for wings that lie above the worker, which tell their function's name at the start.

It is imported at the first sweep: a worker's start waits for none of it.
"""

from __future__ import annotations

from django.utils.module_loading import import_string

_names: list[str] = []


def add(name: str) -> None:
    """``name``: the whole dotted name of a function without arguments."""
    if name not in _names:
        _names.append(name)


def do_all() -> None:
    for name in _names:
        import_string(name)()
