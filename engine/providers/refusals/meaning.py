"""What a refusal means, from its status, headers and body: whose matter it is, and what can be done about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from engine.errors import Room
from engine.providers.refusals.kinds import Kind, Signs, kind_of
from engine.providers.refusals.pauses import pause_s
from engine.providers.refusals.room import room_in
from engine.providers.refusals.said import said

RETRYABLE_STATUS = frozenset({408, 409, 425, 429})


@dataclass(frozen=True, slots=True)
class Refusal:
    """``words``: the provider's own, tidy. ``pause_s``: as in ``ProviderError.retry_after_s``.

    ``room``: where tokens are the matter. ``retryable``: the same request may be taken later.
    """

    kind: Kind
    status: int
    words: str = ""
    pause_s: float | None = None
    room: Room | None = None
    retryable: bool = False


def meaning(status: int, headers: Mapping[str, str], body: bytes, *, prompt: int = 0, asked: int = 0) -> Refusal:
    """What this answer of 400 and above means. Names of ``headers`` are lower-case.

    ``prompt``: tokens of the request by our own count; ``asked``: the most tokens of its answer.
    """
    answer = said(body)
    amazons = headers.get("x-amzn-errortype", "").partition(":")[0].lower()
    room = room_in(answer.words, asked=asked)
    kind = kind_of(Signs(status, answer.codes | {amazons}, answer.words, answer.is_page, room))
    return Refusal(
        kind=kind,
        status=status,
        words=answer.words,
        pause_s=pause_s(headers, answer, tokens=prompt + asked),
        room=(room or Room()) if kind is Kind.ROOM else None,
        retryable=_retryable(kind, status, headers),
    )


def _retryable(kind: Kind, status: int, headers: Mapping[str, str]) -> bool:
    if headers.get("x-should-retry") == "false":
        return False
    return kind in (Kind.BUSY, Kind.DOWN) or (kind is Kind.REQUEST and status in RETRYABLE_STATUS)
