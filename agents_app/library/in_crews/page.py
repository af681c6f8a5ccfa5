"""What the page of an agent that comes from the library shows: the crew's own, what is offered, and conflicts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from agents_app.gallery.merge import Merged
from agents_app.gallery.shown_conflicts import ShownConflict, shown_conflicts
from agents_app.library.linked import Linked
from agents_app.versions.page import ShownDiff, shown_diff


@dataclass(frozen=True, slots=True)
class LinkedPage:
    """``own``: from what it is held against to what the crew says; ``offered``: what changed in the library since.
    Either is None where there is nothing of it, and then so is ``merged``."""

    linked: Linked
    own: ShownDiff | None
    offered: ShownDiff | None
    merged: Merged | None
    conflicts: Sequence[ShownConflict]


def linked_page(linked: Linked, choices: Mapping[str, str]) -> LinkedPage:
    reference = linked.was if linked.has_offer else linked.theirs
    merged = linked.merged(choices) if linked.has_offer else None
    return LinkedPage(
        linked=linked,
        own=shown_diff(reference.to_json(), linked.mine.to_json()) if linked.overrides else None,
        offered=shown_diff(linked.was.to_json(), linked.theirs.to_json()) if linked.has_offer else None,
        merged=merged,
        conflicts=shown_conflicts(merged) if merged else (),
    )
