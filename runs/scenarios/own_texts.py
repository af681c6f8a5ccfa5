"""How differently two models' tokenizers count the runs' own prompts: measured on a few of them, never guessed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db.models import QuerySet

from engine.providers.tokenizers import PART_CHARS, count_with, tokenizer_of
from runs.models import Call, Run
from runs.months import midnight, month_after
from runs.scenarios.answer import Answer, runs_of
from teams.access import Principal, visible_to
from teams.work_bounds import query_time

SAMPLE_RUNS, SAMPLE_CALLS = 50, 20
SAMPLE_CHARS = 2 * PART_CHARS
"""So much of each prompt is counted at most, from its beginning."""
MAX_PAIRS = 6
SECONDS = 2.0
LEAST_SHOWN = 0.05
TOO_LONG = "The prompts could not be read in time."


@dataclass(frozen=True, slots=True)
class Measured:
    """Of one pair of models. ``prompts`` 0: a tokenizer is not known here, or no text is left to count.

    ``percent`` is by how much more tokens ``to`` counts over all, ``least`` and ``most`` over single prompts.
    """

    model: str
    to: str
    prompts: int = 0
    percent: float = 0.0
    least: float = 0.0
    most: float = 0.0
    unknown: tuple[str, ...] = ()  # models whose tokenizer is not known here
    is_same: bool = False  # both have the same tokenizer

    @property
    def percent_is_none(self) -> bool:
        """Whether the difference over all is none in the digits that are shown."""
        return abs(self.percent) < LEAST_SHOWN

    @property
    def differs(self) -> bool:
        """Whether any prompt has another count, in the digits that are shown."""
        return max(abs(self.least), abs(self.most)) >= LEAST_SHOWN


def measured(who: Principal, answer: Answer) -> list[Measured]:
    """One for each pair of models, the first ``MAX_PAIRS``. Two queries for each whose tokenizers differ."""
    pairs = dict.fromkeys(
        (line.target.group.model, line.target.to) for line in answer.lines if line.target.is_other and line.sums.calls
    )
    with query_time(SECONDS, TOO_LONG, field="q") as go_on:
        found = []
        for model, to in list(pairs)[:MAX_PAIRS]:
            go_on()
            found.append(_measure(who, answer, model, to))
    return found


def _measure(who: Principal, answer: Answer, model: str, to: str) -> Measured:
    one, other = tokenizer_of(model), tokenizer_of(to)
    if one is None or other is None:
        unknown = tuple(name for name, tokenizer in ((model, one), (to, other)) if tokenizer is None)
        return Measured(model, to, unknown=unknown)
    if one == other:
        return Measured(model, to, is_same=True)
    counts = [(count_with(one, text), count_with(other, text)) for text in _prompts(who, answer, model)]
    return _of_counts(model, to, [(before, after) for before, after in counts if before])


def _of_counts(model: str, to: str, counts: Sequence[tuple[int, int]]) -> Measured:
    if not counts:
        return Measured(model, to)
    shares = [100 * (after - before) / before for before, after in counts]
    before, after = (sum(column) for column in zip(*counts, strict=True))
    return Measured(model, to, len(counts), 100 * (after - before) / before, min(shares), max(shares))


def _prompts(who: Principal, answer: Answer, model: str) -> Iterator[str]:
    """The beginnings of the newest prompts that were sent to the model and are still kept."""
    newest = list(_newest_runs(who, answer)[:SAMPLE_RUNS])
    calls = Call.objects.filter(run__in=newest, kind="model", model=model, cache_hit=False).exclude(state="intent")
    for messages in calls.order_by("-pk").values_list("messages", flat=True)[:SAMPLE_CALLS]:
        text = "\n".join(_texts(messages))[:SAMPLE_CHARS]
        if text:
            yield text


def _newest_runs(who: Principal, answer: Answer) -> QuerySet[Run, UUID]:
    asked = answer.asked
    if asked.q:
        return runs_of(who, asked, answer.simulated).values_list("pk", flat=True)
    runs = visible_to(who, Run).filter(simulated=answer.simulated)
    if asked.crew:
        runs = runs.filter(crew__slug=asked.crew)
    if asked.month:
        begins, following = midnight(asked.month), midnight(month_after(asked.month))
        runs = runs.filter(created_at__gte=begins, created_at__lt=following)
    return runs.order_by("-pk").values_list("pk", flat=True)


def _texts(messages: object) -> Iterator[str]:
    for message in messages if isinstance(messages, list) else ():
        content = message.get("content") if isinstance(message, dict) else None
        if isinstance(content, str):
            yield content
        for part in content if isinstance(content, list) else ():
            if isinstance(part, dict) and isinstance(part.get("text"), str):
                yield part["text"]
