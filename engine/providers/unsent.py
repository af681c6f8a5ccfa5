"""Which of a model's settings LiteLLM leaves out of the request, because the model refuses them.

LiteLLM says it nowhere, so what it makes of the settings is looked at with each of them and without.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any

SETTINGS = ("temperature", "top_p", "seed", "reasoning_effort", "stop")
MAX_KNOWN = 1_000

_known: dict[tuple[Any, ...], frozenset[str]] = {}


def unsent(litellm: ModuleType, model: str, settings: dict[str, Any]) -> frozenset[str]:
    """The names of those that are not sent. ``model`` is LiteLLM's id; ``settings`` are named as ``SETTINGS``.

    Nothing is asked for this, and it takes some milliseconds the first time. What LiteLLM does not know is all sent.
    """
    key = (model, *sorted((name, repr(value)) for name, value in settings.items()))
    if key not in _known:
        if len(_known) >= MAX_KNOWN:
            _known.clear()
        _known[key] = _left_out(litellm, model, settings)
    return _known[key]


def _left_out(litellm: ModuleType, model: str, settings: dict[str, Any]) -> frozenset[str]:
    from litellm.utils import get_optional_params  # late: it imports litellm

    try:
        name, provider, *_ = litellm.get_llm_provider(model)
        without = get_optional_params(model=name, custom_llm_provider=provider)
        return frozenset(
            setting
            for setting, value in settings.items()
            if get_optional_params(model=name, custom_llm_provider=provider, **{setting: value}) == without
        )
    except Exception:  # noqa: BLE001 - it raises many kinds, and the request itself will say what is wrong
        return frozenset()
