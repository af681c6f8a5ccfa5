"""What was found of versions lately: how two differ, how one is drawn. A version never changes, so neither does that.

Versions with the same content are the same here, whosever they are.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from threading import Lock
from typing import Generic, TypeVar

from agents_app.graph.layout import Graph, layout
from agents_app.models import CrewVersion
from agents_app.versions.spec_diff import SpecDiff, diff_of
from engine.spec.crew_spec import CrewSpec

MOST = 200
MOST_CHARS = 50_000
"""Of a difference's texts: longer ones are found anew each time, so that few of them do not take all the memory."""

Value = TypeVar("Value")


class Memory(Generic[Value]):
    """The ``most`` values that were asked for last, each of which depends on its key alone."""

    def __init__(self, is_kept: Callable[[Value], bool], *, most: int = MOST) -> None:
        self._is_kept, self._most = is_kept, most
        self._known: OrderedDict[Hashable, Value] = OrderedDict()
        self._lock = Lock()

    def of(self, key: Hashable, find: Callable[[], Value]) -> Value:
        with self._lock:
            if key in self._known:
                self._known.move_to_end(key)
                return self._known[key]
        found = find()
        if self._is_kept(found):
            with self._lock:
                self._known[key] = found
                while len(self._known) > self._most:
                    self._known.popitem(last=False)
        return found


def _is_small(diff: SpecDiff) -> bool:
    return sum(len(text) for change in diff.changes for _, text in change.words) <= MOST_CHARS


_diffs: Memory[SpecDiff] = Memory(_is_small)
_graphs: Memory[Graph] = Memory(lambda graph: True)  # ``layout`` bounds what it draws


def diff_of_versions(old: CrewVersion, new: CrewVersion) -> SpecDiff:
    """As ``diff_of``."""

    def find() -> SpecDiff:
        return diff_of(CrewSpec.from_json(old.spec), CrewSpec.from_json(new.spec))

    return _diffs.of((old.content_hash, new.content_hash), find)


def graph_of_version(version: CrewVersion, spec: CrewSpec, *, width: float) -> Graph:
    """As ``layout``. ``spec`` is the version's."""
    return _graphs.of((version.content_hash, width), lambda: layout(spec, width=width))
