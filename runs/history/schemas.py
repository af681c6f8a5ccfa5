"""What the API answers about many runs."""

from ninja import Schema

from runs.api_fields import TextOrNull
from runs.run.schemas import RunSummary


class RunList(Schema):
    items: list[RunSummary]
    next: TextOrNull
