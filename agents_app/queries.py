"""Reads of crews, in a fixed number of queries. Their last runs are read by the runs app."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Count, Max, Q, QuerySet

from agents_app.models import Crew, CrewVersion
from agents_app.snapshot import spec_of
from engine.spec.crew_spec import CrewSpec
from engine.spec.placeholders import placeholders
from engine.spec.validate import Complaint, validate
from teams.access import Principal, visible_to


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


def list_crews(who: Principal, search: str = "") -> QuerySet[Crew]:
    """The team's own crews, the last edited one first.

    Each has its ``agent_count``, its ``task_count`` and the number of its ``latest`` version.
    """
    crews = visible_to(who, Crew).filter(archived_at=None, builtin_key="")
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
