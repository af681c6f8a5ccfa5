"""Parses Python; if it does not parse, says in which line, why, and what to do."""

from __future__ import annotations

import ast
import re

from agents_app.formats.python_tree import MAX_TOKENS, TooLargeError, parsed
from agents_app.formats.report import Place, Report, UnreadableError

_MAGIC = re.compile(r"^([ \t]*)([!%])(?=[A-Za-z%!])", re.MULTILINE)
_SPACES = re.compile("[\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]")
_INVISIBLE = re.compile("[\u200b\u200c\u200d\u2060\ufeff]")


def parse(text: str, report: Report, *, file: str = "", tokens: int = MAX_TOKENS) -> ast.Module:
    """The syntax tree of a text with at most so many tokens. Raises ``UnreadableError``."""
    try:
        return _tree(text, file, tokens)
    except SyntaxError as error:
        mended = _mended(text)
        first = error
    if mended != text:
        try:
            tree = _tree(mended, file, tokens)
        except SyntaxError as error:
            raise _explained(error, mended, file) from error
        what = "Odd spaces from a web page, or notebook commands (lines with ! or %), were taken off."
        report.info(Place(None, file), what)
        return tree
    raise _explained(first, text, file) from first


def _tree(text: str, file: str, tokens: int) -> ast.Module:
    try:
        return parsed(text, tokens=tokens)
    except TooLargeError as error:
        raise UnreadableError(str(error), Place(None, file)) from error
    except ValueError as error:
        raise UnreadableError("The Python holds characters that are not valid Unicode.", Place(None, file)) from error


def _mended(text: str) -> str:
    """The program without what a page or a notebook put into it; nothing visible within its texts changes."""
    return _MAGIC.sub(r"\1# \2", _INVISIBLE.sub("", _SPACES.sub(" ", text)))


def _explained(error: SyntaxError, text: str, file: str) -> UnreadableError:
    number = error.lineno or 1
    lines = text.split("\n")
    line = lines[min(number, len(lines)) - 1] if lines else ""
    advice = _advice(error, line)
    return UnreadableError(f"Line {number} is not valid Python: {_reason(error)} {advice}", Place(number, file))


def _reason(error: SyntaxError) -> str:
    reason = str(error.msg).replace("(<unknown>, ", "(")
    return reason if reason.endswith(("?", ".", "!")) else f"{reason}."


def _advice(error: SyntaxError, line: str) -> str:
    """What to do: by the kind of error, else by what the line looks like, else by the message."""
    message = str(error.msg)
    if isinstance(error, TabError):
        return "Tabs and spaces are mixed in the indentation; use spaces only."
    if isinstance(error, IndentationError) and "expected an indented block" in message:
        return (
            "The indentation seems to have been lost in copying, as happens with some web pages. "
            "Copy the code from its repository or the page's copy button, or upload the file."
        )
    if isinstance(error, IndentationError):
        return "Paste the whole listing with its indentation as it was."
    return next(
        (advice for looks_so, advice in _LOOKS if looks_so.search(line)),
        next((advice for part, advice in _MESSAGES if part in message), _OTHERWISE),
    )


_LOOKS = (
    (
        re.compile(r"^\s*print\s+[^\s(=]"),
        "This is Python 2; CrewAI needs Python 3. Put the arguments of print in parentheses.",
    ),
    (re.compile("[“”‘’„‟‚‛«»]"), "The page turned straight quotes into curly ones; replace them by straight ones."),
    (
        re.compile(r"^\s*(?:pip3?|uv|poetry|crewai|cd|export|python3?|\$)\s"),
        "This is a command for the shell; paste only the Python.",
    ),
    (re.compile(r"^\s*\d{1,4}[.:|]?\s+\S"), "Line numbers of the page seem to have been copied too; remove them."),
    (re.compile(r"\.\.\."), "The listing is abridged here (...); fill in what was left out."),
    (
        re.compile(r"^\W{0,4}[A-Za-z][\w'’-]*(?:,? [\w'’-]+){3}"),
        "This looks like the text around the code; paste only the code, or the whole page as Markdown.",
    ),
)
_MESSAGES = (
    ("never closed", "The listing may have been cut off in copying; paste it to its end."),
    ("unterminated", "The listing may have been cut off in copying; paste it to its end."),
    ("EOF", "The listing may have been cut off in copying; paste it to its end."),
)
_OTHERWISE = "Mend the line, or paste the file as it is in your project."
