"""How many words a text has, in any language: for the child process alone, since long texts take a while.

ICU cuts by Unicode's rules (UAX #29), and with its dictionaries where a language writes no blanks between words. A part
without a letter or a digit, such as a dash, is no word.
"""

from __future__ import annotations

from icu4py.breakers import WordBreaker

ANY_LANGUAGE = "und"


def words(text: str) -> int:
    """Half a second for a million characters of Chinese, a tenth of that for English."""
    return sum(any(map(str.isalnum, part)) for part in WordBreaker(text, ANY_LANGUAGE))
