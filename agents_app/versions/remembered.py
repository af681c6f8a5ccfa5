"""Differences of versions that were asked for lately. A version never changes, and so neither does what differs."""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock

from agents_app.models import CrewVersion
from agents_app.versions.spec_diff import SpecDiff, diff_of
from engine.spec.crew_spec import CrewSpec

MOST = 200
MOST_CHARS = 50_000
"""Of a difference's texts: longer ones are found anew each time, so that few of them do not take all the memory."""

_known: OrderedDict[tuple[str, str], SpecDiff] = OrderedDict()
_lock = Lock()


def diff_of_versions(old: CrewVersion, new: CrewVersion) -> SpecDiff:
    """As ``diff_of``. Two versions with the same content are the same here, whosever they are."""
    key = old.content_hash, new.content_hash
    with _lock:
        if key in _known:
            _known.move_to_end(key)
            return _known[key]
    found = diff_of(CrewSpec.from_json(old.spec), CrewSpec.from_json(new.spec))
    if sum(len(text) for change in found.changes for _, text in change.words) <= MOST_CHARS:
        with _lock:
            _known[key] = found
            while len(_known) > MOST:
                _known.popitem(last=False)
    return found
