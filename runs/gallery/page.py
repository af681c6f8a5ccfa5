"""What the pages of templates show: cards with their figures, the page of one, and what a copy can take over."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from agents_app.gallery import queries
from agents_app.gallery.merge import Merged
from agents_app.gallery.origin import Origin
from agents_app.gallery.queries import Line
from agents_app.gallery.shown_conflicts import ShownConflict, shown_conflicts
from agents_app.gallery.texts import MAX_EXAMPLE_CHARS, TemplateTexts
from agents_app.models import Crew, CrewVersion, Template
from agents_app.versions.page import ShownDiff, shown_diff
from engine.spec.crew_spec import CrewSpec
from engine.spec.placeholders import placeholders
from runs.gallery.asked import TemplatesAsked
from runs.gallery.figures import NO_RUNS, RunFigures, figures_of_contents, median_costs
from runs.gallery.lineage import Lineage, lineage_of
from runs.gallery.spread import Spread, spreads
from runs.models import Run
from runs.states import RunState
from teams.access import Principal

CARDS_A_PAGE = 18
"""A card takes some 3 ms of the web process and 1 of PostgreSQL's."""
MAX_CHOICES = 100
"""Of tags and of models, the most frequent ones."""


@dataclass(frozen=True, slots=True)
class Card:
    """A template as lists show it. ``inputs`` are the names that its crew takes."""

    template: Template
    spec: CrewSpec
    inputs: Sequence[str]
    figures: RunFigures

    @property
    def is_builtin(self) -> bool:
        return bool(self.template.crew.builtin_key)


@dataclass(frozen=True, slots=True)
class Gallery:
    """``found`` templates of ``all`` fit; ``cards`` are those of this page."""

    asked: TemplatesAsked
    cards: Sequence[Card]
    found: int
    all: int
    tags: Sequence[str]
    models: Sequence[str]

    @property
    def next(self) -> int | None:
        """Where the following page begins."""
        end = self.asked.offset + CARDS_A_PAGE
        return end if end < self.found else None

    @property
    def previous(self) -> int | None:
        return max(0, self.asked.offset - CARDS_A_PAGE) if self.asked.offset else None

    @property
    def next_query(self) -> str:
        return self.asked.at(self.next or 0)

    @property
    def previous_query(self) -> str:
        return self.asked.at(self.previous or 0)


@dataclass(frozen=True, slots=True)
class SharedVersion:
    version: CrewVersion
    figures: RunFigures
    is_present: bool


@dataclass(frozen=True, slots=True)
class TemplatePage:
    card: Card
    versions: Sequence[SharedVersion]
    spreads: Sequence[Spread]
    lineage: Lineage


@dataclass(frozen=True, slots=True)
class OriginPage:
    origin: Origin
    diff: ShownDiff
    merged: Merged
    conflicts: Sequence[ShownConflict]


def gallery(who: Principal, asked: TemplatesAsked, *, limit: int = CARDS_A_PAGE) -> Gallery:
    """One page of the templates that fit. Five queries at most, however many templates there are.

    Raises ``Invalid`` for a search that is too long or takes too long.
    """
    lines = queries.lines(who, asked.search)
    fitting = [line for line in lines if _fits(line, asked)]
    if asked.needs_costs:
        fitting = _by_cost(fitting, asked, median_costs(who, [line.content for line in fitting]))
    elif asked.order == "newest":
        fitting.sort(key=lambda line: line.shared_at, reverse=True)
    shown = fitting[asked.offset : asked.offset + limit]
    figures = figures_of_contents(who, [line.content for line in shown])
    return Gallery(
        asked=asked,
        cards=[card(template, figures) for template in queries.drawn(who, [line.pk for line in shown])],
        found=len(fitting),
        all=len(lines),
        tags=_choices((tag for line in lines for tag in line.tags), asked.tag),
        models=_choices((model for line in lines for model in line.models), asked.model),
    )


def card(template: Template, figures: Mapping[str, RunFigures]) -> Card:
    spec = CrewSpec.from_json(template.version.spec)
    return Card(template, spec, placeholders(spec), figures.get(template.version.content_hash, NO_RUNS))


def template_page(who: Principal, template: Template) -> TemplatePage:
    """Five queries besides the template's own."""
    versions = queries.shared_versions(template)
    figures = figures_of_contents(who, [version.content_hash for version in versions])
    return TemplatePage(
        card=card(template, figures),
        versions=[
            SharedVersion(version, figures.get(version.content_hash, NO_RUNS), version.pk == template.version_id)
            for version in versions
        ],
        spreads=spreads(who, template.version.content_hash),
        lineage=lineage_of(who, template),
    )


def proposed(crew: Crew, version: CrewVersion, template: Template | None) -> TemplateTexts:
    """What the form begins with: what is said of the template now, else the crew's name and description. Examples are
    the crew's default inputs, and where it has none those of its last run that succeeded."""
    spec = CrewSpec.from_json(version.spec)
    last = Run.objects.filter(crew=crew, state=RunState.SUCCEEDED).order_by("-pk").values_list("inputs", flat=True)
    known = {**(last.first() or {}), **spec.inputs, **(template.examples if template else {})}
    examples = {name: text for name in placeholders(spec) if len(text := known.get(name, "")) <= MAX_EXAMPLE_CHARS}
    if template is not None:
        return TemplateTexts(template.title, template.description, tuple(template.tags), examples)
    return TemplateTexts(crew.name, spec.description, (), examples)


def origin_page(origin: Origin, choices: Mapping[str, str]) -> OriginPage:
    merged = origin.merged(choices)
    return OriginPage(
        origin=origin,
        diff=shown_diff(origin.base.spec, origin.newer.spec),
        merged=merged,
        conflicts=shown_conflicts(merged),
    )


def _fits(line: Line, asked: TemplatesAsked) -> bool:
    return (
        line.is_found and (not asked.tag or asked.tag in line.tags) and (not asked.model or asked.model in line.models)
    )


def _by_cost(lines: Sequence[Line], asked: TemplatesAsked, costs: Mapping[str, int]) -> list[Line]:
    """Those that cost at most what was asked for; in the order of cost those whose cost nobody knows are last."""
    most = asked.most_nusd
    found = [line for line in lines if most is None or costs.get(line.content, most + 1) <= most]
    if asked.order == "cost":
        found.sort(key=lambda line: (line.content not in costs, costs.get(line.content, 0)))
    return found


def _choices(names: Iterable[str], asked: str) -> list[str]:
    """The most frequent ones, and what was asked for, which a page's form would forget otherwise."""
    frequent = {name for name, _ in Counter(names).most_common(MAX_CHOICES)}
    return sorted(frequent | {asked} - {""})
