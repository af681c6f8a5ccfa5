"""Under which names the price of a model may be listed: the one rule for fine-tuned, dated, prefixed and local ids.

Price lists name a model once, people and providers in many ways. The names are tried in their order, and the first that
is listed gives the price; which one it was is kept with the price and shown. No rule leads from a fine-tuned model to
its base, which costs less, and none from a deployment to a model that it may not be: there a person says which.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from engine.catalogue.model_ids import ALIASES, bare_id, provider_of, real_id

FINE_TUNED = "ft:"
ROUTERS = frozenset({"openrouter", "litellm_proxy"})
"""Providers that pass requests on to a model's maker, at the maker's prices."""
MAKERS = {"google": "gemini", "mistralai": "mistral", "x-ai": "xai"}
"""Makers as OpenRouter names them, by their names here."""
ROUTES = frozenset({"converse", "converse_like", "invoke", "responses", "chat"})
"""What LiteLLM takes between provider and model, and says how to ask."""
LOCAL_PROVIDERS = frozenset({"ollama"})
"""Providers whose ids have a tag for the size behind a colon."""
FREE = ("ollama/*", "openrouter/*:free")
"""Names that cost nothing: models on a server of one's own, and those that OpenRouter gives away."""

_DATED = re.compile(r"[-@](20\d\d-\d\d-\d\d|20\d{6}|\d\d-20\d\d|\d{4}|\d{3}|latest)$")
FULL_DATE = re.compile(r"[-@](20\d\d-?\d\d-?\d\d)$")
"""The end of an id that names a snapshot by its day."""


@dataclass(frozen=True, slots=True)
class Name:
    """A name in a price list. ``of``: the entry has to be of this provider; "": of any."""

    text: str
    of: str = ""


def names_of(model: str, newest_dated: Callable[[str], str | None], *, routed: bool = True) -> list[Name]:
    """The names in their order. ``newest_dated`` gives the newest listed snapshot of an id without a date.

    ``routed`` False leaves out what is known of a model's maker alone, and whole providers.
    """
    forms = list(_forms(real_id(model), routed=routed))
    stems = [Name(stem, form.of) for form in forms if (stem := undated(form.text))]
    dated = [Name(name, form.of) for form in (*forms, *stems) if (name := newest_dated(form.text))]
    return list(dict.fromkeys([*forms, *stems, *dated, *(_whole_providers(model) if routed else ())]))


def spellings(model: str) -> list[str]:
    """The ways to write this very model: with its provider in front, and without where the rest says whose it is."""
    real, provider = real_id(model), provider_of(model)
    tail = real.partition("/")[2] or real
    spelled = [real, bare_id(model)]
    if provider is not None:
        spelled.append(f"{provider}/{tail}")
        if provider_of(tail) == provider:
            spelled.append(tail)
    return list(dict.fromkeys(spelled))


def is_of(provider: str, listed_provider: str) -> bool:
    """Whether a list's provider, such as ``bedrock_converse``, is this one."""
    own = ALIASES.get(listed_provider, listed_provider)
    return own == provider or own.startswith((f"{provider}_", f"{provider}-"))


def undated(name: str) -> str | None:
    """``gpt-4o`` for ``gpt-4o-2024-08-06``; None for an id without a date at its end."""
    stem, found = _DATED.subn("", name)
    return stem if found else None


def _forms(model: str, *, routed: bool) -> Iterator[Name]:
    yield Name(model)
    bare = bare_id(model)
    if bare.startswith(FINE_TUNED):
        yield Name(":".join(bare.split(":")[:2]))
        return
    yield Name(bare)
    prefix, slash, rest = model.partition("/")
    if not slash:
        if provider := provider_of(model):
            yield Name(f"{provider}/{model}")
        return
    provider = ALIASES.get(prefix, prefix)
    yield Name(f"{provider}/{rest}")
    if rest.partition("/")[0] in ROUTES:
        rest = rest.partition("/")[2]
        yield Name(f"{provider}/{rest}")
    yield Name(rest, of=provider)
    if provider in LOCAL_PROVIDERS:
        yield Name(f"{provider}/{rest.partition(':')[0]}")
    if routed and provider in ROUTERS and ":" not in rest:
        yield from _forms(_as_the_maker_says(rest), routed=False)


def _as_the_maker_says(model: str) -> str:
    maker, slash, name = model.partition("/")
    if maker == "anthropic":  # whose own ids have no dots
        name = name.replace(".", "-")
    return f"{MAKERS.get(maker, maker)}{slash}{name}"


def _whole_providers(model: str) -> Iterator[Name]:
    provider = provider_of(model)
    if provider:
        if model.endswith(":free"):
            yield Name(f"{provider}/*:free")
        yield Name(f"{provider}/*")
