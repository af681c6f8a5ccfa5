"""The launch page: which version, its inputs and their defaults, what stands in the way, what earlier runs cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from agents_app.models import Crew, CrewVersion
from agents_app.snapshot import spec_of
from engine.catalogue.model_ids import is_simulated
from engine.spec.crew_spec import CrewSpec
from engine.spec.named_models import models_of
from engine.spec.validate import Complaint, validate
from runs.launch import actions
from runs.launch.forms import LaunchForm
from runs.models import Run
from runs.run.estimates import Estimate, estimate_of
from teams.access import Principal, fetch, visible_to
from teams.credentials import TeamCredentials

DRAFT = "draft"
MAX_VERSIONS = 50


@dataclass(frozen=True, slots=True)
class LaunchPage:
    """``version`` None is the draft. ``missing_keys`` are what a real run lacks; ``own_kind`` is "simulated" where the
    crew itself names simulated models, so that there is nothing to choose."""

    crew: Crew
    version: CrewVersion | None
    versions: Sequence[CrewVersion]
    spec: CrewSpec
    form: LaunchForm
    complaints: Sequence[Complaint]
    missing_keys: Sequence[str]
    needs_search_key: bool
    estimates: Sequence[tuple[bool, Estimate]]
    earlier: Run | None
    own_kind: str

    @property
    def errors(self) -> list[Complaint]:
        return [complaint for complaint in self.complaints if complaint.level == "error"]


def launch_page(who: Principal, crew: Crew, query: Mapping[str, str], data: Mapping[str, str] | None) -> LaunchPage:
    """``query``: ``version`` (a number or ``draft``), ``from`` (an earlier run, whose inputs are taken over)."""
    earlier = _earlier(who, query.get("from", ""))
    version = _version(who, crew, (data or query).get("version", ""), earlier)
    spec = CrewSpec.from_json(version.spec) if version else spec_of(crew)
    credentials = TeamCredentials(who.team)
    estimates = [(kind, estimate_of(crew.pk, simulated=kind)) for kind in (False, True)]
    return LaunchPage(
        crew=crew,
        version=version,
        versions=list(crew.versions.defer("spec").order_by("-number")[:MAX_VERSIONS]),
        spec=spec,
        form=LaunchForm(
            data,
            spec=spec,
            team=who.team,
            has_keys=credentials.any_model_key,
            earlier=earlier,
            initial={"version": version.number if version else DRAFT},
        ),
        complaints=validate(spec),
        missing_keys=list(dict.fromkeys(actions.launch_complaints(who, spec, simulated=False).values())),
        needs_search_key=_searches(spec) and credentials.search_key() is None,
        estimates=[(kind, found) for kind, found in estimates if found is not None],
        earlier=earlier,
        own_kind="simulated" if all(is_simulated(model) for model in models_of(spec)) else "",
    )


def _earlier(who: Principal, run_id: str) -> Run | None:
    try:
        return fetch(Run, who, pk=UUID(run_id)) if run_id else None
    except ValueError:
        return None


def _version(who: Principal, crew: Crew, asked: str, earlier: Run | None) -> CrewVersion | None:
    """The version asked for; else the earlier run's, so that running again runs the same thing; else the draft."""
    if asked.isdecimal() and len(asked) < 10:
        return fetch(CrewVersion, who, crew=crew, number=int(asked))
    if asked == DRAFT or earlier is None:
        return None
    return visible_to(who, CrewVersion).filter(pk=earlier.version_id, crew=crew).first()


def _searches(spec: CrewSpec) -> bool:
    return any(tool.name == "web_search" for agent in spec.agents for tool in agent.tools)
