"""What is reserved before a call, and what is booked after it, however it ends.

Which call to make, and whether to make it again, is decided in ``model_calls`` and ``tool_calls``.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

from engine.catalogue.pricing import charge_of
from engine.concurrency import uninterrupted
from engine.crew.runtime import Runtime
from engine.errors import Cancelled, ProviderError
from engine.providers.llm import LLMReply
from engine.record.journal import CallIntent, CallKind, CallOutcome, CallStatus
from engine.record.progress import CallEnded, CallStarted
from engine.tools.tool import Effect


@dataclass(slots=True)
class Booking:
    """A call's outcome as far as it is known. It begins as "cut off"; the caller replaces that."""

    outcome: CallOutcome


@asynccontextmanager
async def booked(runtime: Runtime, intent: CallIntent) -> AsyncIterator[Booking]:
    """Reserves and records the call before the block, and settles it after the block, also if that is cut off.

    Raises ``LimitReached`` or ``Cancelled`` before anything is asked. A reused result counts against no limit.
    """
    if intent.is_request:
        unpriced = intent.model if intent.price is None and not intent.simulated else ""
        runtime.limits.reserve(intent.reserved_usd, unpriced_model=unpriced)
    outcome = None
    try:
        ticket = await runtime.journal.open_call(intent)
        runtime.emit(CallStarted(intent))
        began_at = time.perf_counter()
        booking = Booking(_cut_off(intent))
        try:
            yield booking
        finally:
            outcome = replace(booking.outcome, latency_ms=round((time.perf_counter() - began_at) * 1000))
            await uninterrupted(runtime.journal.settle_call(ticket, outcome))
            runtime.limits.wrote(intent.messages, intent.arguments, *_texts(outcome))
            runtime.emit(CallEnded(intent, outcome))
    finally:
        if intent.is_request:
            if outcome is None:
                runtime.limits.give_back(intent.reserved_usd)
            else:
                runtime.limits.settle(intent.reserved_usd, usage=outcome.usage, cost_usd=outcome.cost_usd)


def _texts(outcome: CallOutcome) -> tuple[Any, ...]:
    reply = outcome.reply
    said = (
        (reply.text, reply.reasoning, reply.own_fields, [call.arguments for call in reply.tool_calls]) if reply else ()
    )
    return (*said, outcome.tool_output, outcome.error)


def refused(error: ProviderError, intent: CallIntent) -> CallOutcome:
    """The outcome after a provider's error: what the provider says it billed; else nothing if it took no request; else,
    if nobody knows, the worst case."""
    if isinstance(error.reply, LLMReply):
        billed = answered(error.reply, intent)
        return replace(billed, status=CallStatus.ERROR, error=str(error), error_code=error.code)
    if error.outcome_unknown:
        return replace(_unknown(intent), error=str(error), error_code=error.code)
    return CallOutcome(
        CallStatus.ERROR,
        error=str(error),
        error_code=error.code,
        throttled=error.throttled,
        retry_after_s=error.retry_after_s,
    )


def answered(reply: LLMReply, intent: CallIntent) -> CallOutcome:
    """The outcome of a call with a reply: what it cost by its usage, or what its provider says."""
    usage = reply.billed_usage
    charge = charge_of(usage, intent.price, books_stated=reply.books_stated)
    return CallOutcome(
        CallStatus.OK,
        reply=reply,
        usage=usage,
        cost_usd=charge.cost_usd,
        parts=charge.parts,
        is_stated=charge.is_stated,
        rates=charge.rates,
    )


def _cut_off(intent: CallIntent) -> CallOutcome:
    """What is booked if the call is cut off before its outcome is known."""
    message = "The call was cut off before it ended."
    if intent.kind is CallKind.MODEL and not intent.simulated:
        outcome = _unknown(intent)
    else:
        may_have_happened = intent.effect is Effect.UNSAFE and not intent.simulated
        outcome = CallOutcome(CallStatus.UNKNOWN if may_have_happened else CallStatus.ERROR)
    return replace(outcome, error=message, error_code=Cancelled.code)


def _unknown(intent: CallIntent) -> CallOutcome:
    worst_usd = intent.reserved_usd if intent.price is not None else None
    return CallOutcome(CallStatus.UNKNOWN, cost_usd=worst_usd)
