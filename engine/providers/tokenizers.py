"""How many tokens a text has for a model whose tokenizer is known: OpenAI's, from the files in the litellm package.

Nothing is fetched. Of other makers' models nothing is known here, and None says so.
"""

from __future__ import annotations

import os
from functools import cache

import tiktoken
from tiktoken.model import encoding_name_for_model

from engine.catalogue.model_ids import bare_id, provider_of
from engine.catalogue.price_list import package_folder
from engine.providers.library.own_accord import no_own_traffic

KNOWN = ("cl100k_base", "o200k_base")
"""Those whose files are there."""
PART_CHARS = 8_000
"""Counting a text without spaces as a whole takes twenty times as long as counting it in parts of this length, each of
which may make it one token more."""


def tokenizer_of(model: str) -> str | None:
    """The name of the model's tokenizer; None if it is not known here."""
    if provider_of(model) != "openai":
        return None
    try:
        name = encoding_name_for_model(bare_id(model).removeprefix("ft:").partition(":")[0])
    except KeyError:
        return None
    return name if name in KNOWN else None


def count_with(tokenizer: str, text: str) -> int:
    """Tokens of the text by one of ``KNOWN``. Each 8,000 characters are counted by themselves."""
    known = encoding(tokenizer)
    parts = (text[at : at + PART_CHARS] for at in range(0, len(text), PART_CHARS))
    return sum(len(known.encode_ordinary(part.encode("utf-8", "replace").decode())) for part in parts)


@cache
def encoding(name: str) -> tiktoken.Encoding:
    """One of ``KNOWN``. Reading it the first time takes some 0.3 s."""
    # Whatever folder the environment names: tiktoken fetches what it does not find there. LiteLLM sets the same one.
    os.environ["TIKTOKEN_CACHE_DIR"] = str(package_folder() / "litellm_core_utils" / "tokenizers")
    with no_own_traffic():
        return tiktoken.get_encoding(name)
