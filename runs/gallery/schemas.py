"""What the API takes and answers about templates."""

from __future__ import annotations

from typing import Annotated, Literal

from ninja import Schema
from pydantic import Field

from agents_app.gallery.origin import Origin
from agents_app.gallery.schemas import ConflictOut
from agents_app.gallery.texts import MAX_DESCRIPTION_CHARS, MAX_EXAMPLE_CHARS, MAX_TAG_CHARS, MAX_TAGS, MAX_TITLE_CHARS
from agents_app.models import CrewVersion, Template
from runs.gallery.figures import MAX_RUNS, KindFigures
from runs.gallery.lineage import Node
from runs.gallery.page import Card, SharedVersion
from runs.gallery.saving import Saving
from runs.money import usd_text
from runs.ratings.schemas import RatingMean
from teams.api.request_body import Strict
from teams.texts.times import time_text

Tag = Annotated[str, Field(max_length=MAX_TAG_CHARS)]
Example = Annotated[str, Field(max_length=MAX_EXAMPLE_CHARS)]


class ShareIn(Strict):
    crew: str = Field(max_length=80, description="the crew's slug")
    version: int = Field(ge=1, lt=10**9)
    title: str = Field(min_length=1, max_length=MAX_TITLE_CHARS)
    description: str = Field("", max_length=MAX_DESCRIPTION_CHARS)
    tags: list[Tag] = Field(default_factory=list, max_length=MAX_TAGS)
    examples: dict[str, Example] = Field(default_factory=dict, description="inputs to try it with, name to text")


class TakeInIn(Strict):
    source: str = Field(max_length=2_000_000, description="the text of a template's file, or a crew's JSON")


class CopyIn(Strict):
    version: int | None = Field(None, ge=1, lt=10**9, description="one that was shared before; null is the present one")


class TakeOverIn(Strict):
    version: int = Field(ge=1, lt=10**9, description="of the original, as it was read: another one by now is 409")
    choices: dict[str, Literal["mine", "theirs"]] = Field(
        default_factory=dict, description="by the path of a conflict; 422 with a field for each that is not decided"
    )


class Quantiles(Schema):
    median: int | None
    p95: int | None


class UsdQuantiles(Schema):
    median: str | None
    p95: str | None


class TemplateFigures(Schema):
    """Of this team's runs of exactly this crew, real or simulated."""

    simulated: bool
    runs: int = Field(description=f"the newest {MAX_RUNS:,} at most, of which all these figures are")
    ended: int
    succeeded: int
    priced: int = Field(description="runs that ended after a worker began them and whose cost is known in full")
    cost_usd: UsdQuantiles = Field(description="of the priced runs")
    duration_ms: Quantiles = Field(description="of the runs that ended, from the first claim on")
    rating: RatingMean | None

    @staticmethod
    def of(kind: KindFigures) -> TemplateFigures:
        return TemplateFigures(
            simulated=kind.simulated,
            runs=kind.runs,
            ended=kind.ended,
            succeeded=kind.succeeded,
            priced=kind.priced,
            cost_usd=UsdQuantiles(median=usd_text(kind.median_nusd), p95=usd_text(kind.p95_nusd)),
            duration_ms=Quantiles(median=kind.median_ms, p95=kind.p95_ms),
            rating=RatingMean.of(kind.rating_sum, kind.rating_count),
        )


class TemplateOut(Schema):
    id: int
    revision: int = Field(description="grows each time it is shared")
    title: str
    description: str
    tags: list[str]
    origin: Literal["built-in", "team"]
    crew: str | None = Field(description="its slug; null for a built-in one, which is only copied")
    version: int
    inputs: list[str]
    models: list[str]
    examples: dict[str, str]
    shared_at: str
    shared_by: str | None
    figures: list[TemplateFigures] = Field(description="real and simulated apart; a kind without runs is left out")

    @staticmethod
    def of(card: Card) -> TemplateOut:
        template = card.template
        return TemplateOut(
            id=template.pk,
            revision=template.revision,
            title=template.title,
            description=template.description,
            tags=template.tags,
            origin="built-in" if card.is_builtin else "team",
            crew=None if card.is_builtin else template.crew.slug,
            version=template.version.number,
            inputs=list(card.inputs),
            models=template.model_ids,
            examples=template.examples,
            shared_at=time_text(template.shared_at) or "",
            shared_by=str(template.shared_by) if template.shared_by else None,
            figures=[TemplateFigures.of(kind) for kind in card.figures.kinds],
        )


class TemplateList(Schema):
    items: list[TemplateOut]
    next: str | None = None


class SharedVersionOut(Schema):
    version: int
    note: str
    shared_at: str
    present: bool = Field(description="whether it is the one that is shared now")
    figures: list[TemplateFigures]

    @staticmethod
    def of(shared: SharedVersion) -> SharedVersionOut:
        return SharedVersionOut(
            version=shared.version.number,
            note=shared.version.note,
            shared_at=time_text(shared.version.shared_at) or "",
            present=shared.is_present,
            figures=[TemplateFigures.of(kind) for kind in shared.figures.kinds],
        )


class CopyOut(Schema):
    """A crew of the tree of copies. Its figures are of all its runs."""

    crew: str
    name: str
    depth: int = Field(description="0 for the first original; each stands behind the one that it was copied from")
    from_version: int | None
    changed: bool | None = Field(description="since it was copied; null while it has no version")
    copied_by: str | None
    is_this: bool = Field(description="whether it is the crew of this template")
    figures: list[TemplateFigures]

    @staticmethod
    def of(node: Node) -> CopyOut:
        return CopyOut(
            crew=node.slug,
            name=node.name,
            depth=node.depth,
            from_version=node.origin,
            changed=node.is_changed,
            copied_by=(node.person or None) if node.depth else None,
            is_this=node.is_this,
            figures=[TemplateFigures.of(kind) for kind in node.figures.kinds],
        )


class TemplateDetail(TemplateOut):
    versions: list[SharedVersionOut] = Field(description="all that were shared, the present one first")
    lineage: list[CopyOut] = Field(description="the crews that it comes from and that come from it, at most 200")


class SavingOut(Schema):
    simulated: bool
    inputs: int = Field(description="how many inputs both were run with; 0: amounts are medians of all runs")
    cost_percent: int | None = Field(description="by how much less the newer version costs; below 0 for more")
    duration_percent: int | None
    mine_usd: str | None
    theirs_usd: str | None
    mine_runs: int
    theirs_runs: int

    @staticmethod
    def of(saving: Saving) -> SavingOut:
        return SavingOut(
            simulated=saving.simulated,
            inputs=saving.inputs,
            cost_percent=saving.cost_percent,
            duration_percent=saving.time_percent,
            mine_usd=usd_text(saving.mine_nusd),
            theirs_usd=usd_text(saving.theirs_nusd),
            mine_runs=saving.mine_runs,
            theirs_runs=saving.theirs_runs,
        )


class OriginOut(Schema):
    """Where a copy comes from. The rest is null, or empty, unless the original shares something that it lacks."""

    template: int | None = Field(description="null for a crew that is no copy, or whose original is withdrawn")
    version: int | None = Field(description="of the original, that the copy has")
    newer: int | None
    saving: SavingOut | None = Field(description="null while either side has no run to go by")
    conflicts: list[ConflictOut]

    @staticmethod
    def of(
        template: Template | None, base: CrewVersion | None, origin: Origin | None, saving: Saving | None
    ) -> OriginOut:
        conflicts = origin.merged({}).conflicts if origin else ()
        return OriginOut(
            template=template.pk if template else None,
            version=base.number if base else None,
            newer=origin.newer.number if origin else None,
            saving=SavingOut.of(saving) if saving else None,
            conflicts=[ConflictOut.of(conflict) for conflict in conflicts],
        )


class TakenOverOut(Schema):
    crew: str
    revision: int
    version: int = Field(description="of the original, that the copy has now")
    taken: int = Field(description="how many fields, agents and tasks came from the original")
    kept_version: int | None = Field(description="the version that holds what the draft was before, if one was made")
    kept_crew: str | None = Field(description="the crew that holds it, if it could not run")
