"""Switches off what LiteLLM does beside our requests: lists that it fetches, logs that it keeps."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from typing import Any

from engine.providers.library.own_accord import is_watched

NOTHING_FETCHED = {
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    "LITELLM_LOCAL_ANTHROPIC_BETA_HEADERS": "True",
    "LITELLM_LOCAL_BLOG_POSTS": "True",
}
"""Variables that have LiteLLM use the lists in its package, where it would else fetch newer ones from its makers."""


def drop_own_logs() -> None:
    """Has LiteLLM drop what it does for its own logs after our requests.

    It reckons costs again, for which it asks Ollama and a hub about models, on threads that no guard would reach.
    A stream that is collected as garbage sets the ids of its log lines in whatever context that happens, which can
    crash the process (``engine.context_variables``).
    """
    from litellm.litellm_core_utils.logging_worker import GLOBAL_LOGGING_WORKER  # late: it imports litellm
    from litellm.litellm_core_utils.streaming_handler import CustomStreamWrapper
    from litellm.litellm_core_utils.thread_pool_executor import executor

    submit_own: Callable[..., Future[Any]] = executor.submit
    enqueue_own: Callable[..., None] = GLOBAL_LOGGING_WORKER.ensure_initialized_and_enqueue

    def submit(work: Callable[..., Any], /, *args: Any, **options: Any) -> Future[Any]:
        if not is_watched():
            return submit_own(work, *args, **options)
        dropped: Future[Any] = Future()
        dropped.cancel()
        return dropped

    def enqueue(async_coroutine: Coroutine[Any, Any, Any]) -> None:
        if not is_watched():
            enqueue_own(async_coroutine)
        else:
            async_coroutine.close()

    executor.submit = submit  # type: ignore[method-assign]
    GLOBAL_LOGGING_WORKER.ensure_initialized_and_enqueue = enqueue  # type: ignore[method-assign]
    if hasattr(CustomStreamWrapper, "__del__"):
        del CustomStreamWrapper.__del__
