"""What the API says of a field that a copy and its original both changed."""

from __future__ import annotations

from ninja import Schema

from agents_app.gallery.merge import Conflict


class ConflictOut(Schema):
    """A field that both changed. A text is null where nothing is there."""

    path: str
    label: str
    base: str | None
    mine: str | None
    theirs: str | None

    @staticmethod
    def of(conflict: Conflict) -> ConflictOut:
        names = ("path", "label", "base", "mine", "theirs")
        return ConflictOut(**{name: getattr(conflict, name) for name in names})
