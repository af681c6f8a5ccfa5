"""The fields that a filter can name. A new one is a line here; completion and the page's hint read the same list."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from django.db.models import Q

from runs.history.fields import calls, figures, names
from runs.history.fields.asked import Asked
from runs.history.fields.words import Quotable
from runs.states import RunState


@dataclass(frozen=True, slots=True)
class Field:
    """``find`` makes the condition of a value, and raises ``Misread``."""

    name: str
    find: Callable[[Quotable, Asked], Q]
    about: str  # the run that it finds, or what is written behind the colon
    examples: tuple[str, ...] = ()  # offered while somebody types; fields with values of the team's own have none
    several: bool = False  # takes values between commas


FIELDS = {
    field.name: field
    for field in (
        Field("crew", names.crew, "part of its crew's name", several=True),
        Field("status", figures.status, "its state", tuple(RunState.values), several=True),
        Field("cost", figures.cost, "dollars that it cost", (">0.10", "<0.01", "0.10..0.50")),
        Field("duration", figures.duration, "from start to end", (">30s", "<5s", "10s..1m")),
        Field("tokens", figures.tokens, "tokens that it used", (">5000", "<1000", "1000..5000")),
        Field("since", figures.since, "launched then or later", ("1h", "24h", "7d", "30d")),
        Field("until", figures.until, "launched before", ("1h", "24h", "7d", "30d")),
        Field("by", names.by, "who launched it", several=True),
        Field("batch", names.batch, "its batch, by id or part of the name", several=True),
        Field("tag", names.tag, "a label of its launch, or label=value"),
        Field("model", calls.model, "a model it called", several=True),
        Field("agent", calls.agent, "an agent that called", several=True),
        Field("tool", calls.tool, "a tool it called", several=True),
        Field("rating", figures.rating, "the mean of its ratings", (">=4", "3..5", "none", "any")),
        Field("error", names.error, "a code or words of its error"),
        Field("version", figures.version, "the crew's version", ("1", "1,2", "2..4"), several=True),
        Field("simulated", figures.simulated, "yes or no", ("yes", "no")),
        Field("id", figures.run_id, "the beginning of its id"),
    )
}
