"""What simulated searches and pages bring: as much text as real ones, made of the words that are asked with."""

from __future__ import annotations

import random

from engine.simulated.phrases import capitalised, points, sentences, subjects, title
from engine.simulated.prose import slug

SNIPPET_WORDS = 28
"""Of a result: a search engine shows some 160 characters."""
PAGE_WORDS = 2_000
"""Of a page's readable text: an article of some length, with what stands around it."""
WORDS_PER_SECTION = 220
SENTENCES_PER_PARAGRAPH = 5


def search_results(query: str, count: int) -> str:
    """So many results, each with title, link and snippet. They lie on example.com and say that they are made up."""
    rng = random.Random(f"search {query}")  # noqa: S311 - the same results for the same query, on purpose
    heads, bodies = points(query, rng), sentences(query, rng)
    about = title(query)
    results = []
    for number in range(1, count + 1):
        snippet = " ".join(f"{next(bodies)} {next(bodies)}".split()[:SNIPPET_WORDS])
        results.append(f"{next(heads)} (simulated)\nhttps://example.com/{slug(about)}/{number}\n{snippet} ...")
    note = "This is a simulated search result list. No search was made."
    return "\n\n".join((f"Simulated results for: {query}\n{note}", *results))


def page_text(url: str) -> str:
    """A page's readable text. It says that it is made up."""
    rng = random.Random(f"page {url}")  # noqa: S311 - the same page for the same address, on purpose
    words = " ".join(part.replace("-", " ") for part in url.partition("://")[2].split("/")[1:]) or url
    stream, things = sentences(words, rng), subjects(words)
    blocks = [f"Simulated page: {url}\nThis is a simulated page. Nothing was read.", title(words)]
    for number in range(PAGE_WORDS // WORDS_PER_SECTION):
        blocks.append(f"{number + 1}. {capitalised(things[number % len(things)])}")
        left = WORDS_PER_SECTION
        while left > 0:
            paragraph = " ".join(next(stream) for _ in range(SENTENCES_PER_PARAGRAPH))
            blocks.append(paragraph)
            left -= len(paragraph.split())
    return "\n\n".join(blocks)
