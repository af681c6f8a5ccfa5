"""How long a hosted model takes to answer, by its tier.

The figures are rounded from typical published ones of late 2025 to mid 2026 for hosted models. These differ between
sources by half and more, so a tier has one round figure and no model has its own:

- artificialanalysis.ai, "GPT-4o (May '24): API Provider Benchmarking & Analysis": 81 to 115 tokens/s, 0.4 to 0.8 s
- kickllm.com, "AI API Latency Comparison" (April 2026): GPT-4o 92 tokens/s, 0.38 s; GPT-4o mini 115, 0.25 s; Claude
  Sonnet 4 88, 0.42 s; Claude Haiku 3.5 130, 0.28 s; Claude Opus 55, 0.9 s
- getapipulse.com, "LLM API Latency Compared: Speed Benchmarks 2026": GPT-4o 80 tokens/s, 0.35 s; GPT-4o mini 100,
  0.22 s; Claude Sonnet 4 65, 0.45 s; Claude Opus 40, 0.8 s
- community.openai.com/t/768559: GPT-4 Turbo 36 tokens/s (2024)

Time for reading the prompt is in the time to the first token, and does not grow with its length here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from engine.catalogue.model_ids import bare_id


@dataclass(frozen=True, slots=True)
class Speed:
    """Seconds until the first token of an answer, and tokens per second from then on."""

    first_token_s: float
    tokens_per_s: float

    def seconds(self, tokens: int) -> float:
        return self.first_token_s + tokens / self.tokens_per_s


SMALL = Speed(first_token_s=0.3, tokens_per_s=100)
LARGE = Speed(first_token_s=0.5, tokens_per_s=80)
SLOW = Speed(first_token_s=0.9, tokens_per_s=40)

NAMED = {"small models": SMALL, "large": LARGE, "the slowest": SLOW}

SMALL_WORDS = frozenset({"mini", "nano", "haiku", "flash", "lite", "small", "ministral", "7b", "8b"})
SLOW_WORDS = frozenset({"opus", "o1", "o3"})
SMALL_NAMES = ("gpt-3.5", "gpt-35")
SLOW_NAMES = ("gpt-4-", "gpt-4.5")


def in_words(pace: float) -> str:
    """How fast simulated models answer and where that comes from, for people; ``pace`` as in the simulator."""
    if not pace:
        return "Simulated models answer at once here, so the seconds of a simulated run say nothing."
    speeds = ", ".join(f"{speed.tokens_per_s:g} ({name})" for name, speed in NAMED.items())
    waits = [speed.first_token_s for speed in NAMED.values()]
    took = "" if pace == 1 else f" All of it is done in {pace:g} of that time here."
    return (
        "Simulated models take as long as hosted ones of their size typically do, by figures published in 2025 and "
        f"2026: {min(waits):g} to {max(waits):g} s until the first token, then tokens a second: {speeds}.{took}"
    )


def speed_of(model: str) -> Speed:
    """The speed of the model's tier, which is read off its name; ``LARGE`` for a name that says nothing."""
    name = bare_id(model).lower()
    words = set(re.split(r"[^a-z0-9]+", name))
    if words & SMALL_WORDS or name.startswith(SMALL_NAMES):
        return SMALL
    if words & SLOW_WORDS or name == "gpt-4" or name.startswith(SLOW_NAMES):
        return SLOW
    return LARGE
