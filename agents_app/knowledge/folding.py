"""How a text is folded before PostgreSQL indexes or searches it, in time linear in its length whatever it holds."""

from __future__ import annotations

import re
import unicodedata
from itertools import accumulate

MAX_MARKS = 30
"""Combining marks in a row, as in Unicode's Stream-Safe Text Format: putting more in order takes quadratic time."""
MAX_CHAIN_CHARS = 40
"""Signs without a space that PostgreSQL's parser may take for an address, a path or a number: it tries all of them from
each sign on."""

_SIGN = re.compile(r"[^\w\x00-\x7f]")
"""Signs outside ASCII that are no letters or digits."""
_LONG_CHAIN = re.compile(rf"\S{{{MAX_CHAIN_CHARS + 1},}}")
_ASCII_SIGNS = {code: " " for code in range(33, 127) if not chr(code).isalnum()}


def fold(text: str) -> str:
    """The text as it is searched: small letters, composed accents, and outside ASCII only letters and digits.

    PostgreSQL would do this by the database's locale. Under "C" it keeps other alphabets' capitals, and takes
    typographic quotation marks for letters. In a long chain without a space ASCII's signs become spaces too.
    """
    folded = text.casefold()
    if not folded.isascii():
        folded = unicodedata.normalize("NFC", _with_few_marks(folded))
        folded = folded.translate({ord(sign): _folded_sign(sign) for sign in set(_SIGN.findall(folded))})
    return _LONG_CHAIN.sub(lambda chain: chain[0].translate(_ASCII_SIGNS), folded)


def _folded_sign(sign: str) -> str:
    """Keeps combining marks with their letters, drops invisible signs, and makes a space of punctuation."""
    category = unicodedata.category(sign)
    return sign if category.startswith("M") else "" if category == "Cf" else " "


def _with_few_marks(text: str) -> str:
    """Without the combining marks that follow ``MAX_MARKS`` others."""
    is_mark = [unicodedata.combining(sign) > 0 for sign in text]
    if sum(is_mark) <= MAX_MARKS:
        return text
    in_a_row = accumulate(is_mark, lambda so_far, mark: so_far + 1 if mark else 0)
    return "".join(sign for sign, count in zip(text, in_a_row, strict=True) if count <= MAX_MARKS)
