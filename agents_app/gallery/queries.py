"""Reads of templates: those that a team sees, one of them, and the choices that narrow them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import BooleanField, ExpressionWrapper, Q, QuerySet, Value
from django.db.models.expressions import Combinable
from django.db.models.functions import Lower
from django.http import Http404

from agents_app.gallery import builtin
from agents_app.models import Crew, CrewVersion, Template
from agents_app.queries import MAX_SEARCH_CHARS, SEARCH_SECONDS
from teams.access import Principal, require, visible_to
from teams.models import Role, Team
from teams.refusals import Invalid
from teams.work_bounds import query_time

TOO_LONG = "This search took the database too long and was given up. Search for a longer word."


@dataclass(frozen=True, slots=True)
class Line:
    """A template as a list needs it before it is drawn. ``content``: the hash of the version that is shared now."""

    pk: int
    content: str
    tags: Sequence[str]
    models: Sequence[str]
    shared_at: datetime
    is_found: bool


def templates(who: Principal) -> QuerySet[Template]:
    """Those of the team: its own by title, then the built-in ones in their own order. Archived crews share nothing."""
    return (
        visible_to(who, Template)
        .filter(crew__archived_at=None)
        .order_by("crew__builtin_key", Lower("title"), "pk")
        .select_related("crew", "version", "shared_by")
    )


def template_of(who: Principal, pk: int, role: Role = Role.VIEWER) -> Template:
    """Raises ``Http404`` if it is not there, withdrawn or another team's, then ``PermissionDenied``."""
    template = templates(who).filter(pk=pk).first()
    if template is None:
        raise Http404("No such template.")
    require(who, role)
    return template


def lines(who: Principal, search: str) -> list[Line]:
    """All templates of the team, in order; ``is_found`` where the search fits. One query.

    Raises ``Invalid`` for a search that is too long or takes too long.
    """
    if len(search) > MAX_SEARCH_CHARS:
        message = f"Search for at most {MAX_SEARCH_CHARS} characters."
        raise Invalid(message, fields={"q": message})
    found = templates(who).annotate(is_found=_fits(search))
    with query_time(SEARCH_SECONDS, TOO_LONG, field="q"):
        rows = found.values_list("pk", "version__content_hash", "tags", "model_ids", "shared_at", "is_found")
        return [Line(*row) for row in rows]


def drawn(who: Principal, pks: Sequence[int]) -> list[Template]:
    """The templates with these ids, in their order. One query."""
    found = {template.pk: template for template in templates(who).filter(pk__in=pks)}
    return [found[pk] for pk in pks if pk in found]


def shared_versions(template: Template) -> list[CrewVersion]:
    """All that were shared, the present one first."""
    return list(
        template.crew.versions.filter(shared_at__isnull=False)
        .select_related("created_by")
        .order_by("-shared_at", "-pk")
    )


def template_of_crew(crew: Crew) -> Template | None:
    return Template.objects.filter(crew=crew).select_related("version").first()


def other_teams(who: Principal) -> list[tuple[str, str]]:
    """Address and name of each other team that the person owns, to which they may give a template."""
    owned = Team.objects.filter(memberships__user=who.user, memberships__role=Role.OWNER, is_demo=False)
    return list(owned.exclude(pk=who.team.pk).order_by("name").values_list("slug", "name"))


def builtin_of(template: Template) -> builtin.BuiltinTemplate | None:
    """What comes with Crewsite about it; None for one of the team's own."""
    return builtin.by_key().get(template.crew.builtin_key)


def template_copied(crew: Crew) -> Template | None:
    """The template that a crew was copied from; None for no copy, and once it is withdrawn or archived."""
    if crew.copied_from_id is None:
        return None
    shared = Template.objects.filter(
        crew__versions=crew.copied_from_id, crew__team=crew.team_id, crew__archived_at=None
    )
    return shared.select_related("version", "crew").first()


def examples_for(crew: Crew) -> dict[str, str]:
    """Inputs to try a copy with: the examples of the template that it was copied from, if that is still shared."""
    template = template_copied(crew)
    return dict(template.examples) if template else {}


def _fits(search: str) -> Combinable:
    """Whether every word of the search is in one of the template's texts."""
    words = search.split()
    if not words:
        return Value(True, BooleanField())
    fits = Q()
    for word in words:
        fits &= (
            Q(title__icontains=word)
            | Q(description__icontains=word)
            | Q(crew__name__icontains=word)
            | Q(tags__icontains=word)
            | Q(model_ids__icontains=word)
        )
    return ExpressionWrapper(fits, BooleanField())
