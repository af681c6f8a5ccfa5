"""Every model request and tool call of one task goes through here: limits, replay, reservation, attempt, settlement.

A step is numbered before its call starts, so that a replayed run walks the same steps; each attempt at a step is a
ledger line of its own. Which calls to make is the agent loop's to decide.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from engine import price_list
from engine.errors import Cancelled, EngineError, ModelMistake, ProviderError
from engine.events import CallEnded, CallStarted
from engine.journal import CallIntent, CallKind, CallOutcome, CallStatus, Effect, Purpose
from engine.llm import LLMReply, LLMRequest, Message, ToolCall
from engine.models import provider_of
from engine.pricing import cost_usd, worst_case_usd
from engine.runtime import Runtime
from engine.spec import AgentSpec, LLMSpec, ToolSpec
from engine.tools.calling import arguments_of, result_of
from engine.tools.protocol import Tool

DEFAULT_MAX_TOKENS = 4096
"""Bounds what a reply can cost where the spec sets no bound; enough for some 3,000 words."""
DEFAULT_MAX_TOKENS_REASONING = 16_384
"""Models that reason spend most of their tokens before the first visible word."""
LEAST_MAX_TOKENS = 256
BACKOFF_S = 0.5
MAX_BACKOFF_S = 30.0
MAX_RETRY_AFTER_S = 120.0
"""Who asks for a longer pause is not waited for: the next model in line is asked, or the task fails and says so."""


@dataclass(slots=True)
class TaskCalls:
    """The calls of one task of one run by one agent."""

    runtime: Runtime
    task: str
    agent: AgentSpec
    crew_rpm: int | None = None
    use_cache: bool = True
    _step: int = -1

    def next_step(self) -> int:
        """The next call's number. Take it before anything is awaited that may finish in another order next time."""
        self._step += 1
        return self._step

    async def ask(
        self,
        messages: list[Message],
        *,
        tools: tuple[dict[str, Any], ...] = (),
        may_call_tools: bool = True,
        response_schema: dict[str, Any] | None = None,
        purpose: Purpose = Purpose.WORK,
    ) -> LLMReply:
        """One answer of the agent's model, from the journal if it was paid before. Raises ``ProviderError`` for
        good.
        """
        step = self.next_step()
        recorded = await self.runtime.journal.finished_call(self.task, step)
        if recorded is not None and recorded.outcome.reply is not None:
            return recorded.outcome.reply
        request = LLMRequest(
            llm=self.agent.llm,
            messages=tuple(messages),
            max_tokens=0,
            tools=tools,
            may_call_tools=may_call_tools,
            response_schema=response_schema,
        )
        return await self._first_that_answers(request, step, purpose)

    async def use_tool(self, call: ToolCall, tools: dict[str, tuple[Tool, ToolSpec]], step: int) -> str:
        """What the model is told after its tool call: the tool's text, or what was wrong with the call."""
        recorded = await self.runtime.journal.finished_call(self.task, step)
        if recorded is not None and recorded.outcome.tool_output is not None:
            return recorded.outcome.tool_output
        tool, spec = tools.get(call.name, (None, None))
        intent = CallIntent(
            task=self.task,
            agent=self.agent.key,
            step=step,
            attempt=1,
            kind=CallKind.TOOL,
            tool=call.name[:64],
            arguments=call.arguments,
            effect=tool.facts.effect if tool else Effect.PURE,
        )
        async with self._booked(intent) as booking:
            try:
                if tool is None or spec is None:
                    raise ModelMistake(f"There is no tool {call.name!r}. You have: {', '.join(tools) or 'none'}.")
                arguments = arguments_of(call, tool)
                text = await self._run_tool(tool, spec, arguments, booking)
            except EngineError as error:
                if isinstance(error, Cancelled):
                    raise
                text = f"Error: {error}"
                booking.outcome = CallOutcome(
                    CallStatus.ERROR, tool_output=text, error=str(error), error_code=error.code
                )
        return text

    async def _run_tool(self, tool: Tool, spec: ToolSpec, arguments: dict[str, Any], booking: Booking) -> str:
        cache, key = self.runtime.tools.cache, self.runtime.tools.cache.key(tool.facts.identity, spec.config, arguments)
        use_cache = self.use_cache and self.agent.cache and tool.facts.cacheable
        while use_cache and cache.knows(key):
            reused = await cache.reuse(key)
            if reused is not None:
                booking.outcome = CallOutcome(
                    CallStatus.OK, tool_output=reused.text, cache_hit=True, cache_age_s=reused.age_s
                )
                return reused.text
        if use_cache:
            text = await cache.make(key, lambda: result_of(tool, arguments))
        else:
            text, _ = await result_of(tool, arguments)
        booking.outcome = CallOutcome(CallStatus.OK, tool_output=text)
        return text

    async def _first_that_answers(self, request: LLMRequest, step: int, purpose: Purpose) -> LLMReply:
        """The model, with its retries, then each fallback with its own."""
        attempt = 0
        for llm in models_in_turn(self.agent.llm):
            for retry in range(self.agent.max_retry_limit + 1):
                attempt += 1
                try:
                    return await self._attempt(replace(request, llm=llm), step, attempt, purpose)
                except ProviderError as error:
                    last = error
                pause_s = _pause_s(last, retry)
                if pause_s is None or retry == self.agent.max_retry_limit:
                    break
                await asyncio.sleep(pause_s)
        raise last

    async def _attempt(self, request: LLMRequest, step: int, attempt: int, purpose: Purpose) -> LLMReply:
        runtime, llm = self.runtime, request.llm
        await runtime.limits.wait_for_turn(f"agent {self.agent.key}", self.agent.max_rpm)
        await runtime.limits.wait_for_turn("crew", self.crew_rpm)
        prompt_tokens = runtime.llm.count_tokens(request)
        request = replace(request, max_tokens=max_tokens_for(llm, prompt_tokens))
        price = runtime.prices.price(llm.model)
        reserved_usd = worst_case_usd(prompt_tokens, request.max_tokens, price)
        intent = CallIntent(
            task=self.task,
            agent=self.agent.key,
            step=step,
            attempt=attempt,
            kind=CallKind.MODEL,
            purpose=purpose,
            model=llm.model,
            messages=request.messages,
            params=_params(request),
            reserved_usd=reserved_usd,
            prompt_tokens=prompt_tokens,
            price=price,
            simulated=runtime.llm.simulates(llm),
        )
        async with self._booked(intent) as booking:
            try:
                reply = await runtime.llm.complete(request)
            except ProviderError as error:
                booking.outcome = _refused(error, intent)
                raise
            booking.outcome = CallOutcome(
                CallStatus.OK, reply=reply, usage=reply.usage, cost_usd=cost_usd(reply.usage, price)
            )
        return reply

    @asynccontextmanager
    async def _booked(self, intent: CallIntent) -> AsyncIterator[Booking]:
        """Reserves and records the intent, and settles whatever happens inside, also if it is cut off."""
        runtime = self.runtime
        if intent.kind is CallKind.MODEL:
            runtime.limits.reserve(intent.reserved_usd)
        ticket = await runtime.journal.open_call(intent)
        runtime.emit(CallStarted(intent))
        began = time.perf_counter()
        booking = Booking(_cut_off(intent))
        try:
            yield booking
        finally:
            outcome = replace(booking.outcome, latency_ms=round((time.perf_counter() - began) * 1000))
            if intent.kind is CallKind.MODEL:
                runtime.limits.settle(intent.reserved_usd, usage=outcome.usage, cost_usd=outcome.cost_usd)
            await _to_the_end(runtime.journal.settle_call(ticket, outcome))
            runtime.emit(CallEnded(intent, outcome))


@dataclass(slots=True)
class Booking:
    """How a call ended, as far as is known: it begins as cut off, and the call replaces that."""

    outcome: CallOutcome


def models_in_turn(llm: LLMSpec) -> Iterator[LLMSpec]:
    """The model, then its fallbacks. A named key is used only for models of the provider that it belongs to."""
    yield llm.model_copy(update={"fallbacks": ()})
    for model in llm.fallbacks:
        same = provider_of(model) == provider_of(llm.model)
        credential = llm.credential if same else None
        yield llm.model_copy(update={"model": model, "fallbacks": (), "credential": credential})


def max_tokens_for(llm: LLMSpec, prompt_tokens: int) -> int:
    """What the reply may have: the spec's bound or a default, within what the model gives and its window leaves."""
    facts = price_list.facts(llm.model) or price_list.ModelFacts()
    wanted = llm.max_tokens or (DEFAULT_MAX_TOKENS_REASONING if facts.reasoning else DEFAULT_MAX_TOKENS)
    if facts.max_output_tokens is not None:
        wanted = min(wanted, facts.max_output_tokens)
    if facts.context_tokens is not None and llm.max_tokens is None:
        wanted = min(wanted, max(LEAST_MAX_TOKENS, facts.context_tokens - round(prompt_tokens * 1.1) - 50))
    return wanted


def _refused(error: ProviderError, intent: CallIntent) -> CallOutcome:
    """A complete refusal costs nothing; where nobody knows whether it was billed, the worst case is booked."""
    if not error.outcome_unknown:
        return CallOutcome(CallStatus.ERROR, error=str(error), error_code=error.code)
    return CallOutcome(CallStatus.UNKNOWN, cost_usd=_worst(intent), error=str(error), error_code=error.code)


def _cut_off(intent: CallIntent) -> CallOutcome:
    """What is booked if nothing better becomes known before the call is cut off."""
    message = "The call was cut off before it ended."
    if intent.kind is CallKind.TOOL or intent.simulated:
        return CallOutcome(CallStatus.ERROR, error=message, error_code=Cancelled.code)
    return CallOutcome(CallStatus.UNKNOWN, cost_usd=_worst(intent), error=message, error_code=Cancelled.code)


def _worst(intent: CallIntent) -> Decimal | None:
    return intent.reserved_usd if intent.price is not None else None


def _params(request: LLMRequest) -> dict[str, Any]:
    """What else was sent, for whoever reads the call later."""
    params = request.llm.model_dump(mode="json", exclude_defaults=True, exclude={"model", "fallbacks", "credential"})
    params["max_tokens"] = request.max_tokens
    if request.tools:
        params["tools"] = [tool["function"]["name"] for tool in request.tools]
    if request.response_schema is not None:
        params["response_schema"] = request.response_schema
    return params


def _pause_s(error: ProviderError, retry: int) -> float | None:
    """Seconds until another try is worth it; None if none is."""
    if not error.retryable or (error.retry_after_s or 0) > MAX_RETRY_AFTER_S:
        return None
    if error.retry_after_s is not None:
        return error.retry_after_s
    return min(BACKOFF_S * 2**retry, MAX_BACKOFF_S) * random.uniform(0.5, 1.5)  # noqa: S311 - jitter, no secret


async def _to_the_end(work: Any) -> None:
    """Awaits although this task is being cancelled: what was billed is booked before the cancellation goes on."""
    job = asyncio.ensure_future(work)
    interrupted = False
    while not job.done():
        try:
            await asyncio.shield(job)
        except asyncio.CancelledError:
            if job.cancelled():
                raise
            interrupted = True
    job.result()
    if interrupted:
        raise asyncio.CancelledError
