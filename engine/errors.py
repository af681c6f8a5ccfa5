"""The kinds of error that a run can meet. What happens then, such as a retry, is decided where they are caught.

A bug of ours has no class here: it propagates with its traceback.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

TOO_MANY_REQUESTS = 429


@dataclass(frozen=True, slots=True)
class Room:
    """How many tokens a provider says that there is room for, as it counts them; None where it does not say.

    ``window``: of prompt and answer together. ``prompt``: of the prompt, or at least so many. ``most``: of an answer.
    ``a_minute``: ``window`` is what a minute has room for.
    """

    window: int | None = None
    prompt: int | None = None
    most: int | None = None
    a_minute: bool = False


class EngineError(Exception):
    """Anything that the engine raises on purpose. ``code`` is stable and for machines, ``str()`` is for people."""

    code = "engine_error"


class ModelMistake(EngineError):
    """The model did something wrong: an unknown tool, unreadable arguments, an answer that does not fit its schema.

    It is recorded, and the model is told. A user sees it only once the task's repairs are used up.
    """

    code = "model_mistake"


class ProviderError(EngineError):
    """The provider refused, failed or was not reachable.

    ``retryable``: the same request may succeed later (429, 5xx, timeouts, dropped streams).
    ``outcome_unknown``: the request may be carried out and billed although no reply arrived (timeout, reset).
    ``retry_after_s``: the pause that the provider asked for, in seconds.
    ``throttled``: the provider refused because it was asked too often, and waiting helps.
    ``room``: the messages do not fit the model's window, or a longer answer was asked for than it gives; what it says.
    ``takes_shorter_answer``: the same request may be taken at once if it allows a shorter answer, as the next one does.
    ``kind``: whose matter it is (``engine.providers.refusals``), which ``code`` ends with; "" where nobody can tell.
    ``reply``: an ``LLMReply`` that was billed all the same, with its usage; None if there is none.
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
        room: Room | None = None,
        kind: str = "",
        reply: object | None = None,
    ) -> None:
        super().__init__(message)
        self.room = room
        self.reply = reply
        self.takes_shorter_answer = False
        if kind:
            self.code = f"provider_{kind}"
        self.retryable = retryable
        self.outcome_unknown = outcome_unknown
        self.status = status
        self.throttled = status == TOO_MANY_REQUESTS and retryable
        self.retry_after_s = retry_after_s


class ModelRefused(ProviderError):
    """The model, or a filter of its provider, refused to answer. Asking again would be paid again for the same."""

    code = "model_refused"

    def __init__(self, message: str, *, status: int | None = None, reply: object | None = None) -> None:
        super().__init__(message, retryable=False, status=status, reply=reply)


class TooMuchWork(EngineError):
    """Work on the text of a person, a model or a foreign server takes too much time or memory.

    The text says what was to be done and which of the two it took, or that there was too much of it before.
    """

    code = "too_much_work"


class TooBusy(TooMuchWork):
    """The work was not begun, because much else was under way for long. It may be done later."""


class ContextTooLong(EngineError):
    """The messages do not fit the model's window."""

    code = "context_too_long"


class WaitingForPerson(EngineError):
    """A task needs a person's decision: about its answer, a lost call, or a request that is about to be sent.

    Meanwhile the run holds no worker.
    """

    code = "waiting_for_person"


class LimitReached(EngineError):
    """A limit stopped the run before it spent more. ``limit`` is its name, ``figure`` how much of it is used.

    ``needs_usd``: what the request that a budget does not cover may cost; None for limits that are not money.
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
    """A person stopped the run, or the worker lost its right to run it. The text says which."""

    code = "cancelled"


class InvalidCrew(EngineError):
    """A spec or its inputs cannot be run. ``complaints`` holds all reasons at once, each with its field."""

    code = "invalid_crew"

    def __init__(self, complaints: tuple[object, ...]) -> None:
        super().__init__("; ".join(str(complaint) for complaint in complaints))
        self.complaints = complaints
