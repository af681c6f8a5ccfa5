"""Where a template comes from and what was copied from it, as a tree of crews with what each costs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from django.db import connection

from agents_app.models import Template
from runs.gallery.figures import NO_RUNS, RunFigures, figures_of_crews
from runs.sql import rows_as
from teams.access import Principal

MAX_CREWS = 200
MAX_DEPTH = 20

# Up to the first original, then down to all copies of copies. A copy points to a version, a version to its crew.
_TREE = """
    WITH RECURSIVE up AS (
        SELECT crew.id, crew.copied_from_id, 0 AS depth FROM agents_app_crew AS crew WHERE crew.id = %(crew)s
        UNION ALL
        SELECT crew.id, crew.copied_from_id, up.depth + 1
        FROM up JOIN agents_app_crewversion AS version ON version.id = up.copied_from_id
        JOIN agents_app_crew AS crew ON crew.id = version.crew_id AND crew.team_id = %(team)s
        WHERE up.depth < %(depth)s
    ), top AS (SELECT id FROM up ORDER BY depth DESC LIMIT 1),
    down AS (
        SELECT top.id, NULL::bigint AS parent, NULL::bigint AS origin, 0 AS depth FROM top
        UNION ALL
        SELECT copy.id, version.crew_id, version.id, down.depth + 1
        FROM down JOIN agents_app_crewversion AS version ON version.crew_id = down.id
        JOIN agents_app_crew AS copy ON copy.copied_from_id = version.id AND copy.team_id = %(team)s
        WHERE down.depth < %(depth)s
    )
    SELECT crew.id AS pk, down.parent, crew.slug, crew.name, crew.archived_at IS NOT NULL AS is_archived,
        crew.builtin_key <> '' AS is_builtin, person.id AS person_id,
        coalesce(person.name, '') AS person_name, coalesce(person.email, '') AS email, origin.number AS origin,
        CASE WHEN latest.content_hash IS NOT NULL THEN latest.content_hash <> origin.content_hash END AS is_changed
    FROM (SELECT DISTINCT ON (id) * FROM down ORDER BY id, depth) AS down
    JOIN agents_app_crew AS crew ON crew.id = down.id
    LEFT JOIN teams_user AS person ON person.id = crew.created_by_id
    LEFT JOIN agents_app_crewversion AS origin ON origin.id = down.origin
    LEFT JOIN LATERAL (
        SELECT content_hash FROM agents_app_crewversion WHERE crew_id = crew.id ORDER BY number DESC LIMIT 1
    ) AS latest ON true
    ORDER BY down.depth, crew.id LIMIT %(most)s
"""


@dataclass(frozen=True, slots=True)
class _Row:
    pk: int
    parent: int | None
    slug: str
    name: str
    is_archived: bool
    is_builtin: bool
    person_id: int | None
    person_name: str
    email: str
    origin: int | None
    is_changed: bool | None


_AS_READ = ("pk", "slug", "name", "is_archived", "is_builtin", "person_id", "origin", "is_changed")


@dataclass(frozen=True, slots=True)
class Node:
    """A crew of the tree. ``origin`` is the version of the crew above that it was copied from, or took over last.

    ``is_changed``: whether its latest version differs from that; None while it has no version. ``figures`` are of all
    its runs. ``depth`` is 0 for the first original.
    """

    pk: int
    slug: str
    name: str
    is_archived: bool
    is_builtin: bool
    person_id: int | None
    person: str
    origin: int | None
    is_changed: bool | None
    depth: int
    is_this: bool
    figures: RunFigures


@dataclass(frozen=True, slots=True)
class Lineage:
    """The tree's crews, each behind the one that it was copied from. ``is_cut``: there are more than are listed."""

    nodes: Sequence[Node]
    is_cut: bool

    @property
    def copies(self) -> Sequence[Node]:
        """What was copied from the template, or from such a copy."""
        place = next((place for place, node in enumerate(self.nodes) if node.is_this), len(self.nodes))
        below = []
        for node in self.nodes[place + 1 :]:
            if node.depth <= self.nodes[place].depth:
                break
            below.append(node)
        return below

    @property
    def people(self) -> int:
        """How many people have made copies."""
        return len({node.person_id for node in self.copies if node.person_id is not None})


def lineage_of(who: Principal, template: Template) -> Lineage:
    """Two queries."""
    with connection.cursor() as cursor:
        values = {"crew": template.crew_id, "team": who.team.pk, "depth": MAX_DEPTH, "most": MAX_CREWS + 1}
        cursor.execute(_TREE, values)
        rows = rows_as(_Row, cursor)
    shown = rows[:MAX_CREWS]
    figures = figures_of_crews(who, [row.pk for row in shown])
    below: defaultdict[int | None, list[_Row]] = defaultdict(list)
    for row in shown:
        below[row.parent].append(row)

    def nodes(parent: int | None, depth: int) -> Iterator[Node]:
        for row in below[parent]:
            yield Node(
                **{name: getattr(row, name) for name in _AS_READ},
                person=row.person_name or row.email,
                depth=depth,
                is_this=row.pk == template.crew_id,
                figures=figures.get(row.pk, NO_RUNS),
            )
            yield from nodes(row.pk, depth + 1)

    return Lineage(list(nodes(None, 0)), len(rows) > MAX_CREWS)
