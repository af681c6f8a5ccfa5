"""Which passages of a team's documents fit a query: PostgreSQL's full text, and what is tried when that finds nothing.

First it looks for the query's words in any form; passages that have all of them come first. Then for words that are
spelled alike. Then for a short query as it stands, for scripts that are written without spaces.

Queries and documents are anybody's, so all of it together has a time in PostgreSQL, and what Python compares is
counted.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from functools import reduce
from operator import or_
from typing import Any

from django.contrib.postgres.search import SearchQuery, SearchRank
from django.db import connection
from django.db.models import Case, ExpressionWrapper, F, IntegerField, Q, QuerySet, Value, When
from django.db.models.fields import BooleanField
from django.db.models.functions import StrIndex

from agents_app.knowledge.folding import fold
from agents_app.knowledge.spelling import ALIKE_START, LONGEST_COMPARED, Spelling
from agents_app.models import Passage
from engine.text import storable
from teams.models import Team
from teams.work_bounds import Places, query_time

MAX_QUERY_CHARS = 500
MAX_QUERY_WORDS = 20
MAX_LIMIT = 50
SEARCH_SECONDS = 2.0
"""For all statements of one search."""
TOO_LONG = (
    "This search took the database too long and was given up. Use fewer or rarer words, or search in one collection."
)
SEARCH_PLACES = Places(2, "Other searches are under way. Search again in a moment.")
"""For people's searches in one process; runs have threads of their own."""
CANDIDATES = 300
"""Passages from which words that may be alike are taken."""
MAX_CANDIDATE_WORDS = 2_000
ALIKE_EACH = 5
"""So many of the words that are most like one of the query's are looked for in its place."""
COMPARISONS = 20_000
"""Of words, for one search: some 60 ms."""
MARKED_COMPARISONS = 5_000
"""The same for the marks in one text."""
MAX_LETTERS = 40
"""Longer queries are not looked for as they stand: PostgreSQL may take time by both texts' lengths multiplied."""
WORD = re.compile(r"\w+")
EXCLUDES = re.compile(r"(?:^|\s)-\w")

# The words in the full-text columns of these passages that begin like a query's.
CANDIDATE_WORDS = """
    SELECT DISTINCT word.lexeme FROM agents_app_passage AS passage, unnest(passage.search) AS word
    WHERE passage.id = ANY(%s) AND left(word.lexeme, %s) = ANY(%s) AND length(word.lexeme) BETWEEN %s AND %s
    LIMIT %s
"""


def search_passages(team: Team, query: str, *, collections: Iterable[str] = (), limit: int = 5) -> list[Passage]:
    """The team's passages that fit best, each with its document; at most ``limit`` and ``MAX_LIMIT``.

    ``query`` is read like a search engine's: "a phrase" and -not are understood, everything else is words. Raises
    ``Invalid`` if it takes longer than ``SEARCH_SECONDS``.
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
    with query_time(SEARCH_SECONDS, TOO_LONG, field="q") as go_on:
        if (found := list(_by_words(within, query)[:limit])) or EXCLUDES.search(query):
            return found
        go_on()
        if spelled := _spelled_alike(within, _words(query)):
            go_on()
            return list(_by_spelling(within, spelled)[:limit])
        go_on()
        return list(_by_letters(within, query)[:limit]) if len(query) <= MAX_LETTERS else []


def highlights(text: str, query: str) -> list[tuple[str, bool]]:
    """The text in pieces; True with those that are one of the query's words in some form."""
    spelling = Spelling(_words(query), comparisons=MARKED_COMPARISONS)
    is_hit = {word: bool(spelling.alike(word)) for word in dict.fromkeys(map(str.casefold, WORD.findall(text)))}
    pieces: list[tuple[str, bool]] = []
    end = 0
    for match in WORD.finditer(text):
        if is_hit.get(match[0].casefold()):
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


def _spelled_alike(within: QuerySet[Passage], query_words: Iterable[str]) -> list[list[str]]:
    """For typing mistakes: for each of the query's words that has some, the documents' words that are most like it."""
    spelling = Spelling(query_words, comparisons=COMPARISONS)
    found: dict[str, list[tuple[float, str]]] = defaultdict(list)
    for word in _candidate_words(within, spelling.starts):
        for wanted, likeness in spelling.alike(word).items():
            found[wanted].append((likeness, word))
    return [[word for _, word in sorted(words, reverse=True)[:ALIKE_EACH]] for words in found.values()]


def _candidate_words(within: QuerySet[Passage], starts: list[str]) -> list[str]:
    if not starts:
        return []
    any_start = SearchQuery(" | ".join(f"'{start}':*" for start in starts), config="simple", search_type="raw")
    passages = list(within.filter(search=any_start).values_list("pk", flat=True)[:CANDIDATES])
    bounds = (ALIKE_START, starts, ALIKE_START + 1, LONGEST_COMPARED, MAX_CANDIDATE_WORDS)
    with connection.cursor() as cursor:
        cursor.execute(CANDIDATE_WORDS, (passages, *bounds))
        return [word for (word,) in cursor.fetchall()]


def _by_spelling(within: QuerySet[Passage], spelled: list[list[str]]) -> QuerySet[Passage]:
    """Passages that hold one of these words for most of the query's."""
    groups = [
        Q(search=SearchQuery(" | ".join(map(_quoted, words)), config="simple", search_type="raw")) for words in spelled
    ]
    count = sum((Case(When(group, then=1), default=0, output_field=IntegerField()) for group in groups), Value(0))
    return within.filter(reduce(or_, groups)).annotate(alike=count).order_by("-alike", "document_id", "position")


def _by_letters(within: QuerySet[Passage], query: str) -> QuerySet[Passage]:
    at = StrIndex(F("folded_text"), Value(query))
    return within.annotate(at=at).filter(at__gt=0).order_by("document_id", "position")


def _quoted(word: str) -> str:
    return "'" + word.replace("\\", "\\\\").replace("'", "''") + "'"


def _words(query: str) -> list[str]:
    return list(dict.fromkeys(WORD.findall(_clean(query))))[:MAX_QUERY_WORDS]


def _clean(text: str) -> str:
    """The query as PostgreSQL can take it, folded, and at most ``MAX_QUERY_CHARS`` of it."""
    return fold(storable(text, nul=" ")[:MAX_QUERY_CHARS]).strip()
