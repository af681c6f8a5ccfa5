"""What the page of saved views shows of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from runs.history.columns import COLUMNS
from runs.models import SavedView
from runs.named.queries import seen_by
from teams.access import Principal


@dataclass(frozen=True, slots=True)
class ViewLine:
    view: SavedView
    is_team: bool
    columns: str  # as the list's head names them
    may_change: bool


def view_lines(who: Principal) -> Sequence[ViewLine]:
    """The team's views and the person's own. One query."""
    return [_line(who, view) for view in seen_by(who, SavedView).select_related("changed_by")]


def _line(who: Principal, view: SavedView) -> ViewLine:
    is_team = view.owner_id is None
    titles = ", ".join(COLUMNS[name].title for name in view.columns.split(",") if name in COLUMNS)
    return ViewLine(view, is_team, titles, may_change=who.can_edit or not is_team)
