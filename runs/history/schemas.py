"""What the API answers about many runs."""

from ninja import Schema
from pydantic import Field

from runs.api_fields import TextOrNull, UsdTextOrNull
from runs.history.version_figures import MAX_RUNS, VersionFigures
from runs.ratings.schemas import RatingMean
from runs.run.schemas import RunSummary


class RunList(Schema):
    items: list[RunSummary]
    next: TextOrNull


class VersionFiguresOut(Schema):
    """What one version's runs cost and took, real or simulated."""

    version: int = Field(validation_alias="number")
    simulated: bool
    runs: int = Field(description=f"the newest {MAX_RUNS:,} at most, of which all these figures are")
    ended: int
    succeeded: int
    median_usd: UsdTextOrNull = Field(
        validation_alias="median_nusd", description="of the runs that ended and whose calls all have a price"
    )
    unpriced: int = Field(description="runs that ended and are not in it, because a call has no known price")
    median_ms: int | None = Field(description="of the runs that ended, from the first claim on")
    rating: RatingMean | None

    @staticmethod
    def resolve_rating(figures: VersionFigures) -> RatingMean | None:
        return RatingMean.of(figures.rating_sum, figures.rating_count)


class VersionFiguresList(Schema):
    items: list[VersionFiguresOut]
