"""The launch page: which version it launches, the form for its inputs, what stands in the way, what earlier runs cost.

``actions`` decides what may be launched.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from agents_app.gallery.queries import examples_for
from agents_app.models import Crew, CrewVersion
from agents_app.snapshot import spec_of
from engine.catalogue.model_ids import is_simulated
from engine.spec.crew_spec import CrewSpec
from engine.spec.named_models import models_of
from engine.spec.validate import Complaint, validate
from runs.bounds import run_caps
from runs.launch.forms import PREFIX, LaunchForm
from runs.launch.order import Unbounded, key_complaints, key_doubts, unbounded_by_money
from runs.models import Run
from runs.run.estimates import Estimate, estimate_of
from runs.typed_values import uuid_or_none, whole_number_or_none
from teams.access import Principal, fetch, visible_to
from teams.credentials import TeamCredentials

DRAFT = "draft"
MAX_VERSIONS = 50


@dataclass(frozen=True, slots=True)
class LaunchChoice:
    """What the address, or the form that was sent, asks to launch."""

    version: CrewVersion | None  # None: the draft
    spec: CrewSpec
    earlier: Run | None  # the run that is launched again: its inputs and bounds are taken over


@dataclass(frozen=True, slots=True)
class LaunchPage:
    crew: Crew
    version: CrewVersion | None  # None: the draft
    versions: Sequence[CrewVersion]
    spec: CrewSpec
    form: LaunchForm
    complaints: Sequence[Complaint]
    missing_keys: Sequence[str]  # what a real run lacks
    key_doubts: Sequence[str]  # why keys that there are may not do
    needs_search_key: bool
    unbounded: Unbounded | None  # what of a real run no budget would bound
    estimates: Sequence[tuple[bool, Estimate]]  # (whether it is for simulated runs, the estimate)
    earlier: Run | None
    caps: str  # the most that the team gives a run, in words; "" without any
    own_kind: str  # "simulated" if the crew itself names simulated models, so that there is nothing to choose; else ""

    @property
    def errors(self) -> list[Complaint]:
        return [complaint for complaint in self.complaints if complaint.level == "error"]

    @property
    def warnings(self) -> list[Complaint]:
        """What may surprise. Nothing of it keeps the crew from running."""
        return [complaint for complaint in self.complaints if complaint.level == "warning"]


def launch_choice(who: Principal, crew: Crew, query: Mapping[str, str], sent: Mapping[str, str]) -> LaunchChoice:
    """``query`` has ``from``, an earlier run's id, and ``version``, a number or ``draft``, which the form ``sent`` has
    once there is one."""
    earlier = _earlier(who, query.get("from", ""))
    version = _version(who, crew, (sent or query).get("version", ""), earlier)
    return LaunchChoice(version, CrewSpec.from_json(version.spec) if version else spec_of(crew), earlier)


def launch_page(who: Principal, crew: Crew, choice: LaunchChoice, refused: LaunchForm | None = None) -> LaunchPage:
    """``refused`` is a form that is shown again with what was typed; without it the form is a new one."""
    version, spec = choice.version, choice.spec
    credentials = TeamCredentials(who.team)
    own_kind = "simulated" if all(is_simulated(model) for model in models_of(spec)) else ""
    can_be_real = credentials.any_model_key and not own_kind
    estimates = [(simulated, estimate_of(crew.pk, simulated=simulated)) for simulated in (False, True)]
    return LaunchPage(
        crew=crew,
        version=version,
        versions=list(crew.versions.defer("spec").order_by("-number")[:MAX_VERSIONS]),
        spec=spec,
        form=refused or _new_form(who, crew, choice, credentials),
        complaints=validate(spec),
        missing_keys=list(dict.fromkeys(key_complaints(spec, credentials, simulated=False).values())),
        key_doubts=key_doubts(spec, credentials),
        needs_search_key=_searches(spec) and credentials.search_key() is None,
        unbounded=unbounded_by_money(who, spec, None) if can_be_real else None,
        estimates=[(simulated, estimate) for simulated, estimate in estimates if estimate is not None],
        earlier=choice.earlier,
        caps=run_caps.in_words(who.team),
        own_kind=own_kind,
    )


def _new_form(who: Principal, crew: Crew, choice: LaunchChoice, credentials: TeamCredentials) -> LaunchForm:
    """A copy of a template begins with its examples, where the crew itself has no default."""
    examples = {} if choice.earlier else examples_for(crew)
    simulated = choice.earlier.simulated if choice.earlier else not credentials.any_model_key
    return LaunchForm(
        spec=choice.spec,
        team=who.team,
        earlier=choice.earlier,
        initial={
            "version": choice.version.number if choice.version else DRAFT,
            "simulated": "yes" if simulated else "no",
            **{f"{PREFIX}{name}": text for name, text in examples.items() if not choice.spec.inputs.get(name)},
        },
    )


def _earlier(who: Principal, run_id: str) -> Run | None:
    pk = uuid_or_none(run_id)
    return None if pk is None else fetch(Run, who, pk=pk)


def _version(who: Principal, crew: Crew, asked: str, earlier: Run | None) -> CrewVersion | None:
    """The version asked for; else the earlier run's, so that running again runs the same thing; else the draft."""
    number = whole_number_or_none(asked, max_digits=9)
    if number is not None:
        return fetch(CrewVersion, who, crew=crew, number=number)
    if asked == DRAFT or earlier is None:
        return None
    return visible_to(who, CrewVersion).filter(pk=earlier.version_id, crew=crew).first()


def _searches(spec: CrewSpec) -> bool:
    return any(tool.name == "web_search" for agent in spec.agents for tool in agent.tools)
