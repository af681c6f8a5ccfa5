"""How many tokens a provider says that there is room for: a model's window, the prompt in it, the most it may answer.

The patterns follow what providers and servers are known to write; docs/providers.md lists them with their tests.
"""

from __future__ import annotations

import re

from engine.errors import Room

LEAST_ANSWER_TOKENS = 256
"""An answer of fewer is not worth a request."""
N = r"[`'\"]?(\d[\d,_]*)[`'\"]?"
FLAGS = re.IGNORECASE

MOST = tuple(
    re.compile(pattern.replace("#", N), FLAGS)
    for pattern in (
        r"max_(?:completion_|output_|new_)?tokens\W{0,3}\s*\d+ > #, which is the maximum",
        r"supports at most # (?:completion|output) tokens",
        r"range of max_\w*tokens (?:is|should be) \[\d+, ?#\]",
        r"max[_ ](?:completion_|output_)?tokens\W? must be (?:less than or equal to|at most|<=) #",
        r"tokens you requested exceeds the model limit of #",
        r"but can only afford #",
    )
)
"""The most tokens that an answer may have."""
BELOW = re.compile(r"max\w*tokens value of \d+ but the supported range is from \d+ \(inclusive\) to (\d+)", FLAGS)
"""The same as an exclusive bound, as Vertex and Gemini write it."""
WINDOWS = tuple(
    re.compile(pattern.replace("#", N), FLAGS)
    for pattern in (
        r"maximum context (?:length|limit)(?: of this model)?(?: is|:| of)?(?: only)? #",
        r"# maximum context length",
        r"context length (?:is|of) only #",
        r"model maximum context length: #",
        r"exceed context limit: \d+ \+ \d+ > #",
        r"too long: \d+ tokens > # maximum",
        r"available context size \(# tokens\)",
        r"maximum number of tokens allowed \(#\)",
        r"`max_new_tokens` must be <= #",
        r"maximum (?:prompt|input) length is #",
        r"while limit is #",
        r"exceeded model token limit:? #",
        r"maximum prompt length is #",
    )
)
"""How many tokens prompt and answer may have together."""
PROMPTS = tuple(
    re.compile(pattern.replace("#", N), FLAGS)
    for pattern in (
        r"\(# in the messages",
        r"\(# of text input",
        r"# in your prompt",
        r"prompt contains(?: at least)? # (?:input )?tokens",
        r"you passed # input tokens",
        r"request has # input tokens",
        r"messages resulted in # tokens",
        r"exceed context limit: # \+",
        r"too long: # tokens >",
        r"too long: #, model maximum",
        r"request \(# tokens\) exceeds",
        r"input token count \(#\)",
        r"keep the first # tokens",
        r"given: # `inputs` tokens",
        r"request contains # tokens",
        r"current length is #",
    )
)
"""How many of them the prompt has."""
A_MINUTE = re.compile(
    r"(?:tokens per min(?:ute)?|TPM)\W.{0,20}?limit:? (\d[\d,]*),? (?:used:? \d[\d,]*, )?requested:? (\d[\d,]*)", FLAGS
)
"""A request that no minute has room for."""
WITHOUT_FIGURES = re.compile(
    r"context[_ ]length[_ ]exceeded|exceed_context_size|exceeds? the (?:model'?s )?(?:context window|maximum context)"
    r"|prompt is too long|input is too long|too many tokens|context window (?:exceeded|full)|reduce the length of"
    r"|maximum context length|longer than the (?:model'?s|maximum) (?:context|model) length",
    FLAGS,
)


def room_in(words: str, *, asked: int) -> Room | None:
    """What the words say about room; None if they are about something else. ``asked``: the most tokens of the answer
    that the request allowed."""
    if a_minute := A_MINUTE.search(words):
        limit, requested = _number(a_minute[1]), _number(a_minute[2])
        return Room(window=limit, prompt=max(0, requested - asked), a_minute=True) if requested > limit else None
    below = BELOW.search(words)
    most = _first(MOST, words) if below is None else int(below[1]) - 1
    window = _first(WINDOWS, words)
    if most is None and window is None and not WITHOUT_FIGURES.search(words):
        return None
    return Room(window=window, prompt=_first(PROMPTS, words), most=most)


def _first(patterns: tuple[re.Pattern[str], ...], words: str) -> int | None:
    found = (pattern.search(words) for pattern in patterns)
    return next((_number(match[1]) for match in found if match), None)


def _number(text: str) -> int:
    return int(re.sub(r"\D", "", text)[:12])
