"""Reads of crews, in a fixed number of queries. Their last runs are read by the runs app."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Count, Max, Q, QuerySet

from agents_app.models import Crew, CrewVersion
from agents_app.snapshot import spec_of
from engine.spec.crew_spec import CrewSpec
from engine.spec.placeholders import placeholders
from engine.spec.validate import Complaint, validate
from teams.access import Principal, fetch, visible_to
from teams.models import Role


@dataclass(frozen=True, slots=True)
class CrewDetail:
    """A draft with everything that its page says about it.

    ``inputs`` are (name, default). ``same_as`` is the newest version that equals the draft, if there is one.
    """

    spec: CrewSpec
    complaints: tuple[Complaint, ...]
    inputs: tuple[tuple[str, str], ...]
    versions: tuple[CrewVersion, ...]
    same_as: CrewVersion | None

    @property
    def errors(self) -> tuple[Complaint, ...]:
        return tuple(complaint for complaint in self.complaints if complaint.level == "error")


OWN = {"archived_at": None, "builtin_key": ""}


def own_crews(who: Principal) -> QuerySet[Crew]:
    """The crews that a team works on and launches: neither archived nor built-in templates, which are only copied."""
    return visible_to(who, Crew).filter(**OWN)


def own_crew(who: Principal, slug: str, role: Role = Role.VIEWER) -> Crew:
    """One of ``own_crews``, for whatever reads, changes or launches it, by page or API. Raises as ``fetch`` does."""
    return fetch(Crew, who, role, slug=slug, **OWN)


def version_of(who: Principal, slug: str, number: int) -> CrewVersion:
    """One frozen version to look at: also of an archived crew, which runs still show, and of a built-in template."""
    return fetch(CrewVersion, who, crew__slug=slug, number=number)


def list_crews(who: Principal, search: str = "") -> QuerySet[Crew]:
    """The team's own crews, the last edited one first.

    Each has its ``agent_count``, its ``task_count`` and the number of its ``latest`` version.
    """
    crews = own_crews(who)
    if search:
        crews = crews.filter(Q(name__icontains=search) | Q(description__icontains=search) | Q(slug__icontains=search))
    return crews.annotate(
        agent_count=Count("agents", distinct=True),
        task_count=Count("tasks", distinct=True),
        latest=Max("versions__number"),
    ).order_by("-updated_at")


def crew_detail(crew: Crew) -> CrewDetail:
    spec = spec_of(crew)
    versions = tuple(crew.versions.defer("spec").select_related("created_by").order_by("-number"))
    same_as = next((version for version in versions if version.content_hash == spec.content_hash), None)
    return CrewDetail(spec, validate(spec), inputs_of(spec), versions, same_as)


def inputs_of(spec: CrewSpec) -> tuple[tuple[str, str], ...]:
    """The placeholders in the order of their use, each with its default or ""."""
    return tuple((name, spec.inputs.get(name, "")) for name in placeholders(spec))
