"""The kinds of error a run can meet; which of them is retried or shown is decided by whoever catches them.

The model's mistake, provider trouble, a limit, a cancellation; a bug of ours has no class: it propagates with its
traceback. Besides these, a prompt that fits no window, a pause for a person, and a crew that cannot be run at all.
"""

from __future__ import annotations

from decimal import Decimal

TOO_MANY_REQUESTS = 429


class EngineError(Exception):
    """Anything the engine raises on purpose. ``code`` is stable and machine-readable; ``str()`` is for people."""

    code = "engine_error"


class ModelMistake(EngineError):
    """The model did something wrong (unknown tool, unreadable arguments, an answer that does not fit its schema).

    Recorded and told to the model; it reaches a user only when a task's repairs are used up.
    """

    code = "model_mistake"


class ProviderError(EngineError):
    """The provider refused, failed or was not reachable.

    ``retryable``: the same request may succeed later (429, 5xx, timeouts, dropped streams).
    ``outcome_unknown``: the request may have been carried out and billed although no reply arrived (timeout, reset).
    ``retry_after_s``: what the provider asked for, in seconds.
    ``throttled``: it refused because it was asked too often.
    ``context_too_long``: the messages do not fit the model's window.
    """

    code = "provider_error"

    def __init__(
        self,
        message: str,
        *,
        retryable: bool,
        outcome_unknown: bool = False,
        status: int | None = None,
        retry_after_s: float | None = None,
        context_too_long: bool = False,
    ) -> None:
        super().__init__(message)
        self.context_too_long = context_too_long
        self.retryable = retryable
        self.outcome_unknown = outcome_unknown
        self.status = status
        self.throttled = status == TOO_MANY_REQUESTS
        self.retry_after_s = retry_after_s


class ContextTooLong(EngineError):
    """The messages do not fit the model's window."""

    code = "context_too_long"


class WaitingForPerson(EngineError):
    """A task cannot go on without a person's word: about its answer, or about a call that was lost. The run holds
    nothing while it waits.
    """

    code = "waiting_for_person"


class LimitReached(EngineError):
    """A limit stopped the run before it spent more. ``limit`` names it, ``figure`` is the value it stands at.

    ``needs_usd``: a budget that does not cover a request which may cost so much; None for limits that are not money.
    """

    code = "limit_reached"

    def __init__(
        self, message: str, *, limit: str, figure: Decimal | int | float, needs_usd: Decimal | None = None
    ) -> None:
        super().__init__(message)
        self.limit = limit
        self.figure = figure
        self.needs_usd = needs_usd


class Cancelled(EngineError):
    """A person asked for the run to stop, or the worker lost its right to run it: the text says which."""

    code = "cancelled"


class InvalidCrew(EngineError):
    """A spec or its inputs cannot be run. ``complaints`` holds every reason at once, each naming its field."""

    code = "invalid_crew"

    def __init__(self, complaints: tuple[object, ...]) -> None:
        super().__init__("; ".join(str(complaint) for complaint in complaints))
        self.complaints = complaints
