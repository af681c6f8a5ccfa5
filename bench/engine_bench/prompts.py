"""What of the prompts that the server received are the user's own words, and what an engine added to them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from bench.engine_bench.crews import ANSWER, Job, Shape
from bench.engine_bench.runners import fill
from engine.providers.tokens import count_messages, count_text


@dataclass(frozen=True)
class PromptCost:
    """Tokens (cl100k) per call of one crew. ``missing``: texts of the user, over all calls, that were not sent."""

    own: float
    added: float
    missing: int


def prompt_cost(shape: Shape, bodies: list[dict[str, Any]]) -> PromptCost:
    """From the requests of one run of the crew, in any order.

    Raises ``LookupError`` if a task has no request of its own; requests beyond one a task count as added.
    """
    own = missing = 0
    total = sum(count_messages(body["messages"], body.get("tools") or ()) for body in bodies)
    for job in shape.jobs:
        said = _normal(fill(job.description, shape))
        text = next((text for text in map(_text, bodies) if said in text), None)
        if text is None:
            raise LookupError(f"no request carries the task {job.description!r}")
        own += sum(count_text(piece) for piece in _own_words(shape, job)) + count_text(ANSWER) * len(job.context)
        missing += sum(_normal(piece) not in text for piece in _own_words(shape, job))
        missing += max(0, len(job.context) - text.count(_normal(ANSWER)))
    calls = len(shape.jobs)
    return PromptCost(own=own / calls, added=(total - own) / calls, missing=missing)


def by_shape(shapes: tuple[Shape, ...], bodies: list[dict[str, Any]]) -> Iterator[tuple[Shape, list[dict[str, Any]]]]:
    """The requests of each of the crews, which ran one after another with one request a task."""
    for shape in shapes:
        yield shape, bodies[: len(shape.jobs)]
        bodies = bodies[len(shape.jobs) :]


def _own_words(shape: Shape, job: Job) -> list[str]:
    member = shape.members[job.by]
    pieces = (member.role, member.goal, member.backstory, job.description, job.expected_output)
    return [fill(piece, shape) for piece in pieces]


def _text(body: dict[str, Any]) -> str:
    return _normal("\n".join(str(message.get("content") or "") for message in body["messages"]))


def _normal(text: str) -> str:
    return " ".join(text.split())
