"""One agent's model requests for one task: replay, the cache of replies, attempts, retries and fallbacks.

A step gets its number before its call starts, so that a replayed run walks the same steps. Each attempt at a step is a
line of its own in the ledger. Which requests to make is decided by the conversation (``agent_loop``).
"""

from __future__ import annotations

import asyncio
import itertools
import random
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

from engine.bounded import Effort
from engine.cache import Kept
from engine.catalogue.model_ids import provider_of
from engine.catalogue.pricing import charge_of, worst_case_usd
from engine.crew.booking import answered, booked, refused
from engine.crew.runtime import Runtime
from engine.crew.token_bounds import max_tokens_for
from engine.errors import ContextTooLong, LimitReached, ModelRefused, ProviderError
from engine.providers.fallbacks import models_in_turn, models_instead
from engine.providers.llm import LLMReply, LLMRequest, Message
from engine.providers.refusals.sentences import SHORTEN
from engine.providers.replies.own_fields import given_back
from engine.providers.throttle import MAX_PAUSE_S
from engine.providers.tokens import count_ahead
from engine.record.journal import CallIntent, CallKind, CallOutcome, CallRecord, CallStatus, Purpose
from engine.record.request_key import request_key
from engine.spec.crew_spec import AgentSpec, LLMSpec

BACKOFF_S = 0.5
MAX_BACKOFF_S = 30.0
MAX_THROTTLED = 10
"""So many refusals for asking too often do not count as failures: they cost nothing, and waiting ends them."""


@dataclass(slots=True)
class Calls:
    """The numbered calls of one agent at one task.

    ``branch``: see ``CallIntent``. ``crew_rpm``: the crew's limit of requests per minute. ``use_cache``: whether the
    crew reuses tool results. ``effort``: for checking what models say in this task.
    """

    runtime: Runtime
    task: str
    agent: AgentSpec
    crew_rpm: int | None = None
    use_cache: bool = True
    purpose: Purpose = Purpose.WORK
    branch: str = ""
    effort: Effort = field(kw_only=True)
    _step: int = -1

    def next_step(self) -> int:
        """The next call's number. To be taken before any ``await`` whose order a replay may not repeat."""
        self._step += 1
        return self._step

    @property
    def last_step(self) -> int:
        """The number that was taken last."""
        return self._step

    def branch_of(self, step: int) -> str:
        """The branch of what a co-worker does within the tool call at ``step``."""
        return f"{self.branch}{step}."

    def of_coworker(self, agent: AgentSpec, *, step: int) -> Calls:
        """The calls of an agent that is asked within the tool call at ``step``: a branch of their own."""
        return replace(self, agent=agent, purpose=Purpose.WORK, branch=self.branch_of(step), _step=-1)

    async def ask(
        self,
        messages: list[Message],
        *,
        tools: tuple[dict[str, Any], ...] = (),
        may_call_tools: bool = True,
        response_schema: dict[str, Any] | None = None,
        purpose: Purpose | None = None,
        llm: LLMSpec | None = None,
    ) -> LLMReply:
        """One reply of the agent's model, or of ``llm``; from the journal if it was paid for before.

        Raises ``ContextTooLong`` if the messages do not fit the model, ``ProviderError`` once all attempts have failed,
        and ``LimitReached`` or ``Cancelled`` if the request may not be made.
        """
        request = LLMRequest(
            llm=llm or self.agent.llm,
            messages=tuple(messages),
            max_tokens=0,
            tools=tools,
            may_call_tools=may_call_tools,
            response_schema=response_schema,
        )
        sent = self._for_model(request, request.llm)
        await count_ahead(sent)
        prompt_tokens = self.runtime.llm.count_tokens(sent)
        self.runtime.room.refuse_too_long(request.llm, prompt_tokens)
        request = replace(request, prompt_tokens=prompt_tokens)
        step = self.next_step()
        recorded = await self.runtime.journal.finished_call(self.task, step, branch=self.branch)
        if recorded is not None and recorded.outcome.error_code == ModelRefused.code:
            return await self._ask_in_turn(request, step, purpose or self.purpose, "", refusal=recorded)
        if recorded is not None and recorded.outcome.reply is not None:
            return recorded.outcome.reply
        return await self._reused_or_asked(request, step, purpose or self.purpose)

    async def _reused_or_asked(self, request: LLMRequest, step: int, purpose: Purpose) -> LLMReply:
        ttl_s = request.llm.cache_ttl_s
        if ttl_s is None:
            return await self._ask_in_turn(request, step, purpose, "")
        key = request_key(request, simulated=self.runtime.llm.simulates(request.llm))
        kept = await self.runtime.replies.get(
            key,
            ttl_s=ttl_s,
            make=lambda: self._ask_in_turn(request, step, purpose, key),
            is_worth_keeping=_says_something,
        )
        reply: LLMReply = kept.value
        if kept.reused and not _says_something(reply):  # a store may hold empty replies all the same
            return await self._ask_in_turn(request, step, purpose, "")
        if kept.reused:
            await self._book_reuse(self._intent(request, step, 1, purpose), kept)
        return reply

    async def _book_reuse(self, intent: CallIntent, kept: Kept) -> None:
        intent = replace(intent, reserved_usd=Decimal(0), prompt_tokens=0, reuses=True)
        async with booked(self.runtime, intent) as booking:
            usage = kept.value.billed_usage
            booking.outcome = CallOutcome(
                CallStatus.OK,
                reply=kept.value,
                rates=intent.price and intent.price.rates(usage.prompt_tokens),
                cache_hit=True,
                cache_age_s=kept.age_s,
                saved_usd=charge_of(usage, intent.price, books_stated=kept.value.books_stated).cost_usd,
            )

    async def _ask_in_turn(
        self, request: LLMRequest, step: int, purpose: Purpose, key: str, *, refusal: CallRecord | None = None
    ) -> LLMReply:
        """Asks the model, then each fallback whose window is large enough, each with retries, until one answers.

        ``refusal``: with it a model refused before the run was replayed; only those after it are asked.
        """
        attempts = itertools.count(refusal.intent.attempt + 1 if refusal else 1)
        failure: ProviderError | None = ModelRefused(refusal.outcome.error) if refusal else None
        for llm in _models_left(request.llm, refusal):
            if failure is not None and not self.runtime.room.has_room(llm, request.prompt_tokens):
                continue
            try:
                return await self._until_it_answers(request, llm, step, attempts, purpose, key)
            except ProviderError as error:
                is_of_minute = error.room is not None and error.room.a_minute
                if error.room is not None and failure is None and not (is_of_minute and request.llm.fallbacks):
                    raise ContextTooLong(f"{error} {SHORTEN}") from error
                failure = error
        assert failure is not None
        raise failure

    async def _until_it_answers(
        self, request: LLMRequest, llm: LLMSpec, step: int, attempts: Iterator[int], purpose: Purpose, key: str
    ) -> LLMReply:
        """The model's reply, with retries. Raises the last ``ProviderError`` once it is not to be asked again."""
        failures = throttled = 0
        while True:
            try:
                return await self._within_budget(request, llm, step, next(attempts), purpose, key)
            except ProviderError as error:
                failure = error
            if failure.takes_shorter_answer:
                continue
            if failure.throttled and not failure.outcome_unknown and throttled < MAX_THROTTLED:
                throttled += 1
            else:
                failures += 1
            pause_s = _pause_s(failure, failures + throttled)
            if pause_s is None or failures > self.agent.max_retry_limit:
                raise failure
            await self.runtime.journal.retrying(self.task, pause_s, throttled=failure.throttled)
            await asyncio.sleep(pause_s)

    async def _within_budget(
        self, request: LLMRequest, llm: LLMSpec, step: int, attempt: int, purpose: Purpose, key: str
    ) -> LLMReply:
        """One attempt; if a budget does not cover it, perhaps with a cheaper model (see ``Runtime.cheaper``)."""
        sent = self._for_model(request, llm)
        intent = self._intent(sent, step, attempt, purpose, key)
        try:
            return await self._attempt(sent, intent)
        except LimitReached as limit:
            if limit.needs_usd is None or not self.runtime.cheaper:
                raise
            refusal = limit
        for other in models_instead(request.llm, self.runtime.cheaper_model):
            # Without the cache key: later requests for the dearer model must not get this reply.
            sent = self._for_model(request, other)
            cheaper = self._intent(sent, step, attempt, purpose)
            is_cheaper = cheaper.price is not None and cheaper.reserved_usd < intent.reserved_usd
            if is_cheaper and self.runtime.room.has_room(other, request.prompt_tokens):
                with suppress(LimitReached):
                    return await self._attempt(sent, cheaper)
        raise refusal

    def _for_model(self, request: LLMRequest, llm: LLMSpec) -> LLMRequest:
        """The request as this model gets it: turns with what is its provider's own, and without what is another's."""
        sent = replace(request, llm=llm, messages=given_back(request.messages, llm.model))
        if provider_of(llm.model) == provider_of(request.llm.model):
            return sent
        return replace(sent, prompt_tokens=self.runtime.llm.count_tokens(sent))

    async def _attempt(self, request: LLMRequest, intent: CallIntent) -> LLMReply:
        runtime = self.runtime
        await runtime.limits.wait_for_turn(f"agent {self.agent.key}", self.agent.max_rpm)
        await runtime.limits.wait_for_turn("crew", self.crew_rpm)
        request = replace(request, max_tokens=intent.params["max_tokens"])
        async with booked(runtime, intent) as booking:
            try:
                reply = await runtime.llm.complete(request)
            except ProviderError as error:
                booking.outcome = refused(error, intent)
                error.takes_shorter_answer = self._takes_shorter_answer(request, error)
                raise
            booking.outcome = answered(reply, intent)
        return reply

    def _takes_shorter_answer(self, request: LLMRequest, error: ProviderError) -> bool:
        """Whether the request was refused for the length of the answer that it allows. Then less is allowed next."""
        if error.room is None:
            return False
        return self.runtime.room.learn(
            request.llm, error.room, prompt_tokens=request.prompt_tokens, asked=request.max_tokens
        )

    def _intent(self, request: LLMRequest, step: int, attempt: int, purpose: Purpose, key: str = "") -> CallIntent:
        llm = request.llm
        max_tokens = max_tokens_for(llm, request.prompt_tokens, self.runtime.room)
        price = self.runtime.prices.price(llm.model)
        return CallIntent(
            task=self.task,
            agent=self.agent.key,
            branch=self.branch,
            step=step,
            attempt=attempt,
            kind=CallKind.MODEL,
            purpose=purpose,
            model=llm.model,
            credential=llm.credential or "",
            messages=request.messages,
            params=_params(request, max_tokens, self.runtime.llm.unsent(llm)),
            reserved_usd=worst_case_usd(request.prompt_tokens, max_tokens, price, max_s=llm.timeout_s),
            prompt_tokens=request.prompt_tokens,
            price=price,
            simulated=self.runtime.llm.simulates(llm),
            cache_key=key,
        )


def _models_left(llm: LLMSpec, refusal: CallRecord | None) -> list[LLMSpec]:
    """The model and its fallbacks; after a refusal those that follow the one that refused."""
    models = list(models_in_turn(llm))
    if refusal is None:
        return models
    names = [model.model for model in models]
    if refusal.intent.model not in names:  # it stood in for the first one, which was too dear
        return models[1:]
    return models[names.index(refusal.intent.model) + 1 :]


def _says_something(reply: LLMReply) -> bool:
    """Whether a reply may be reused. An empty one would fail the same task as long as it is kept."""
    return bool(reply.text.strip() or reply.tool_calls)


def _params(request: LLMRequest, max_tokens: int, unsent: frozenset[str]) -> dict[str, Any]:
    """What is sent besides the messages, for whoever reads the call later."""
    exclude = {"model", "fallbacks", "credential", "cache_ttl_s", "timeout_s", *unsent}
    params = request.llm.model_dump(mode="json", exclude_defaults=True, exclude=exclude)
    params["max_tokens"] = max_tokens
    if request.tools:
        params["tools"] = [tool["function"]["name"] for tool in request.tools]
    if request.response_schema is not None:
        params["response_schema"] = request.response_schema
    return params


def _pause_s(error: ProviderError, tries: int) -> float | None:
    """Seconds until the same request should be tried again; None if it should not.

    A provider that asks for too long a pause is not waited for: the next model is asked, or the task fails.
    """
    if not error.retryable or (error.retry_after_s or 0) > MAX_PAUSE_S:
        return None
    backoff_s = min(BACKOFF_S * 2 ** (tries - 1), MAX_BACKOFF_S) * random.uniform(0.5, 1.5)  # noqa: S311 - jitter
    return backoff_s if error.retry_after_s is None else error.retry_after_s + backoff_s * 0.1
