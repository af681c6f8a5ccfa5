"""Which passages of a team's documents fit a query: PostgreSQL's full text, and what is tried when that finds nothing.

First it looks for the query's words in any form; passages that have all of them come first. Then for words that are
spelled alike. Then for the query as it stands, for scripts that are written without spaces.
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
"""Words are alike only if they begin with the same so many letters: then the index can find the candidates."""
LONGEST_COMPARED = 40
NOT_ASCII_NOR_WORD = re.compile(r"[^\w\x00-\x7f]")
"""Signs outside ASCII that are no letters or digits."""
WORD = re.compile(r"\w+")
EXCLUDES = re.compile(r"(?:^|\s)-\w")


def search_passages(team: Team, query: str, *, collections: Iterable[str] = (), limit: int = 5) -> list[Passage]:
    """The team's passages that fit best, each with its document; at most ``limit`` and ``MAX_LIMIT``.

    ``query`` is read like a search engine's: "a phrase" and -not are understood, everything else is words.
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
    """The text as it is searched: small letters, composed accents, and outside ASCII only letters and digits.

    PostgreSQL would do this by the database's locale. Under "C" it keeps other alphabets' capitals, and takes
    typographic quotation marks for letters.
    """
    return NOT_ASCII_NOR_WORD.sub(_folded_sign, unicodedata.normalize("NFC", text.casefold()))


def highlights(text: str, query: str) -> list[tuple[str, bool]]:
    """The text in pieces; True with those that are one of the query's words in some form."""
    query_words = _words(query)
    pieces: list[tuple[str, bool]] = []
    end = 0
    for match in WORD.finditer(text):
        if _is_like_any(match[0].casefold(), query_words):
            pieces += [(text[end : match.start()], False), (match[0], True)]
            end = match.end()
    return [piece for piece in (*pieces, (text[end:], False)) if piece[0]]


class AnyWord(SearchQuery):
    """A query that any one of its words satisfies. Lexemes hold no spaces, so " & " only stands between two of them."""

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
    """For typing mistakes: passages with words that begin like the query's and are spelled nearly the same."""
    query_words = [word for word in _words(query) if len(word) > ALIKE_START]
    if not query_words:
        return []
    starts = " | ".join(f"'{word[:ALIKE_START]}':*" for word in query_words)
    candidates = within.filter(search=SearchQuery(starts, config="simple", search_type="raw"))[:CANDIDATES]
    scored = [
        (_alike_count(fold(f"{passage.document.title} {passage.text}"), query_words), passage) for passage in candidates
    ]
    best = sorted((pair for pair in scored if pair[0]), key=lambda pair: -pair[0])
    return [passage for _, passage in best[:limit]]


def _by_letters(within: QuerySet[Passage], query: str, limit: int) -> list[Passage]:
    return list(within.filter(folded_text__contains=query).order_by("document_id", "position")[:limit])


def _alike_count(text: str, query_words: Sequence[str]) -> int:
    """How many of the query's words the text has, or has one like them."""
    words = set(WORD.findall(fold(text)))
    return sum(any(_is_like(word, wanted) for word in words) for wanted in query_words)


def _is_like_any(word: str, query_words: Iterable[str]) -> bool:
    return any(_is_like(word, wanted) for wanted in query_words)


def _is_like(word: str, wanted: str) -> bool:
    if word == wanted:
        return True
    if min(len(word), len(wanted)) <= ALIKE_START or word[:ALIKE_START] != wanted[:ALIKE_START]:
        return False
    return max(len(word), len(wanted)) <= LONGEST_COMPARED and SequenceMatcher(None, word, wanted).ratio() >= ALIKE


def _words(query: str) -> list[str]:
    return list(dict.fromkeys(WORD.findall(_clean(query))))[:MAX_QUERY_WORDS]


def _clean(text: str) -> str:
    """The query as PostgreSQL can take it, folded, and at most ``MAX_QUERY_CHARS`` of it."""
    return fold(storable(text, nul=" ")[:MAX_QUERY_CHARS]).strip()


def _folded_sign(match: re.Match[str]) -> str:
    """Keeps combining marks with their letters, drops invisible signs, and makes a space of punctuation."""
    category = unicodedata.category(match[0])
    return match[0] if category.startswith("M") else "" if category == "Cf" else " "
