"""Parses Python within bounds: a syntax tree takes up to a kilobyte for each word and sign of the source."""

from __future__ import annotations

import ast
import re
import warnings
from functools import lru_cache
from typing import Literal, overload

MAX_CHARS = 512 * 1024
MAX_TOKENS = 200_000
MAX_NAME = 200
TOO_MANY_TOKENS = f"The Python has more than {MAX_TOKENS:,} words and signs in all; import a part of it."

_TOKEN = re.compile(
    r"""
    (?P<prefix>[A-Za-z]{0,2})
    (?P<text>
        \"\"\" (?: [^"\\] | \\. | "(?!"") )*+ (?: \"\"\" )?
      | ''' (?: [^'\\] | \\. | '(?!'') )*+ (?: ''' )?
      | " (?: [^"\\\n] | \\. )*+ "?
      | ' (?: [^'\\\n] | \\. )*+ '?
    )
    | \#[^\n]*
    | (?P<name>\w+)
    | \n\s*
    | [^\w\s]
    """,
    re.VERBOSE | re.DOTALL,
)
_WORD = re.compile(r"\w+|[^\w\s]")


class TooLargeError(ValueError):
    """The text has too many parts, or is nested too deeply, to be parsed; the error says which."""


@overload
def parsed(text: str, *, mode: Literal["exec"] = "exec", tokens: int = MAX_TOKENS) -> ast.Module: ...
@overload
def parsed(text: str, *, mode: Literal["eval"], tokens: int = MAX_TOKENS) -> ast.Expression: ...
def parsed(text: str, *, mode: Literal["exec", "eval"] = "exec", tokens: int = MAX_TOKENS) -> ast.AST:
    """The syntax tree of a text with at most so many tokens. Raises ``SyntaxError`` or ``ValueError``."""
    if len(text) > MAX_CHARS:
        raise TooLargeError(f"The Python has {len(text):,} characters; at most {MAX_CHARS:,} are read.")
    if tokens_in(text) > tokens:
        raise TooLargeError(TOO_MANY_TOKENS)
    if mode == "exec" and (kept := _kept.pop(text, None)):
        return kept
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # invalid escapes such as "\d" do not matter here
            return ast.parse(text, mode=mode)
    except (RecursionError, MemoryError) as error:
        raise TooLargeError("The Python is nested too deeply to be read.") from error


_kept: dict[str, ast.Module] = {}


def looked_at(text: str) -> ast.Module:
    """As ``parsed``, and keeps the tree: if ``parsed`` is asked for the same text next, it does not parse it again."""
    tree = parsed(text)
    _kept.clear()
    _kept[text] = tree
    return tree


def forget_looked_at() -> None:
    """Of a text that was not read after all: its tree takes up to 200 MB."""
    _kept.clear()


@lru_cache(maxsize=1)  # a source is told to be Python, parsed and counted, one after the other
def tokens_in(text: str) -> int:
    """About how many names, numbers, signs, texts and lines there are. Raises ``TooLargeError`` for a long name."""
    count = 0
    for match in _TOKEN.finditer(text):
        count += 1
        if match["text"] and "f" in match["prefix"].lower():
            count += len(_WORD.findall(match["text"]))
        elif len(match["name"] or "") > MAX_NAME and not match["name"][0].isdigit():
            line = text.count("\n", 0, match.start()) + 1
            raise TooLargeError(f"Line {line} has a name of more than {MAX_NAME} characters; write a shorter one.")
    return count
