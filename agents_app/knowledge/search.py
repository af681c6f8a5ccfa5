"""Which passages of a team's documents fit a query: PostgreSQL's full text, and what is tried when that finds nothing.

First the query's words in any form (those that have all of them in front), then words that are spelled alike, then the
query as it stands, for scripts that are written without spaces.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from difflib import SequenceMatcher
from typing import Any

from django.contrib.postgres.search import SearchQuery, SearchRank
from django.db.models import ExpressionWrapper, F, Q, QuerySet
from django.db.models.fields import BooleanField

from agents_app.models import Passage
from engine.text import storable
from teams.models import Team

MAX_QUERY_CHARS = 500
MAX_QUERY_WORDS = 20
MAX_LIMIT = 50
CANDIDATES = 300
ALIKE = 0.7
ALIKE_START = 3
"""Words count as alike if they begin alike, so that the index can find the candidates."""
LONGEST_COMPARED = 40
NEITHER = re.compile(r"[^\w\x00-\x7f]")
"""What is neither a letter or digit nor ASCII."""
WORD = re.compile(r"\w+")
EXCLUDES = re.compile(r"(?:^|\s)-\w")


def search_passages(team: Team, query: str, *, collections: Iterable[str] = (), limit: int = 5) -> list[Passage]:
    """The team's passages that fit best, each with its document; at most ``MAX_LIMIT``.

    ``query`` is as typed into a search engine: "a phrase" and -not are understood, everything else is words.
    """
    query = _clean(query)
    if not query:
        return []
    within = (
        Passage.objects.filter(**{Passage.TEAM_PATH: team})
        .select_related("document")
        .defer("search", "folded_title", "folded_text")
    )
    if names := [storable(name, nul=" ") for name in collections]:
        within = within.filter(document__collection__in=names)
    limit = max(1, min(limit, MAX_LIMIT))
    if found := list(_by_words(within, query)[:limit]):
        return found
    return [] if EXCLUDES.search(query) else (_by_spelling(within, query, limit) or _by_letters(within, query, limit))


def fold(text: str) -> str:
    """The text as it is searched: small letters, composed accents, and of what is not ASCII only letters and digits.

    PostgreSQL leaves this to the database's locale. Under "C" it would keep capitals, and quotation marks as letters.
    """
    return NEITHER.sub(_folded_sign, unicodedata.normalize("NFC", text.casefold()))


def highlights(text: str, query: str) -> list[tuple[str, bool]]:
    """The text in pieces, with whether each is one of the query's words in some form."""
    asked = _words(query)
    pieces: list[tuple[str, bool]] = []
    at = 0
    for match in WORD.finditer(text):
        if _is_like_any(match[0].casefold(), asked):
            pieces += [(text[at : match.start()], False), (match[0], True)]
            at = match.end()
    return [piece for piece in (*pieces, (text[at:], False)) if piece[0]]


class AnyWord(SearchQuery):
    """Fits where one of the words is. Lexemes hold no spaces, so " & " stands between two of them and nowhere else."""

    def as_sql(self, *args: Any, **options: Any) -> tuple[str, Any]:
        sql, params = super().as_sql(*args, **options)
        return f"replace(({sql})::text, ' & ', ' | ')::tsquery", params


def _by_words(within: QuerySet[Passage], query: str) -> QuerySet[Passage]:
    all_words = SearchQuery(query, config="english", search_type="websearch")
    some = all_words
    if not EXCLUDES.search(query):  # "any of the words" would bring back what -word takes out
        all_words |= SearchQuery(query, config="simple", search_type="websearch")
        some = all_words | AnyWord(query, config="english", search_type="plain")
    return (
        within.filter(search=some)
        .annotate(
            has_all=ExpressionWrapper(Q(search=all_words), output_field=BooleanField()),
            rank=SearchRank(F("search"), some),
        )
        .order_by("-has_all", "-rank", "document_id", "position")
    )


def _by_spelling(within: QuerySet[Passage], query: str, limit: int) -> list[Passage]:
    """For typing mistakes: passages with words that begin like the query's and are nearly the same."""
    asked = [word for word in _words(query) if len(word) > ALIKE_START]
    if not asked:
        return []
    starts = " | ".join(f"'{word[:ALIKE_START]}':*" for word in asked)
    candidates = within.filter(search=SearchQuery(starts, config="simple", search_type="raw"))[:CANDIDATES]
    scored = [
        (_alike_count(fold(f"{passage.document.title} {passage.text}"), asked), passage) for passage in candidates
    ]
    best = sorted((pair for pair in scored if pair[0]), key=lambda pair: -pair[0])
    return [passage for _, passage in best[:limit]]


def _by_letters(within: QuerySet[Passage], query: str, limit: int) -> list[Passage]:
    return list(within.filter(folded_text__contains=query).order_by("document_id", "position")[:limit])


def _alike_count(text: str, asked: Sequence[str]) -> int:
    words = set(WORD.findall(fold(text)))
    return sum(any(_is_like_any(word, [one]) for word in words) for one in asked)


def _is_like_any(word: str, asked: Iterable[str]) -> bool:
    for one in asked:
        if word == one:
            return True
        if len(word) <= ALIKE_START or len(one) <= ALIKE_START or word[:ALIKE_START] != one[:ALIKE_START]:
            continue
        if max(len(word), len(one)) <= LONGEST_COMPARED and SequenceMatcher(None, word, one).ratio() >= ALIKE:
            return True
    return False


def _words(query: str) -> list[str]:
    return list(dict.fromkeys(WORD.findall(_clean(query))))[:MAX_QUERY_WORDS]


def _clean(text: str) -> str:
    """What PostgreSQL can take, no NULs and no halves of characters; folded, and not endless."""
    return fold(storable(text, nul=" ")[:MAX_QUERY_CHARS]).strip()


def _folded_sign(match: re.Match[str]) -> str:
    """Marks belong to their letters, invisible signs to nothing, and punctuation stands between words."""
    category = unicodedata.category(match[0])
    return match[0] if category.startswith("M") else "" if category == "Cf" else " "
