"""Parses Python; if it does not parse, says in which line, why, and what to do."""

from __future__ import annotations

import ast
import re
import sys

from agents_app.formats.python_tree import MAX_TOKENS, TooLargeError, parsed
from agents_app.formats.report import Place, Report, UnreadableError

_MAGIC = re.compile(r"^([ \t]*)([!%])(?=[A-Za-z%!])", re.MULTILINE)
_SPACES = re.compile("[\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]")
VERSION = f"{sys.version_info.major}.{sys.version_info.minor}"
MAX_MENDED = 20
"""F-strings with their own quotes inside, each of which takes another look at the file."""
MAX_MENDED_CHARS = 60_000
_NEWER = (
    (re.compile(r"^([ \t]*)type[ \t]+(\w{1,100})(?:\[[^\]\n]{0,200}\])?[ \t]*=", re.MULTILINE), r"\1\2 ="),
    (re.compile(r"^([ \t]*(?:async[ \t]+)?(?:def|class)[ \t]+\w{1,100})\[[^\]\n]{0,200}\]", re.MULTILINE), r"\1"),
    (
        re.compile(r"^([ \t]*except[ \t]+)([\w.]{1,100}(?:[ \t]*,[ \t]*[\w.]{1,100}){1,20})[ \t]*:", re.MULTILINE),
        r"\1(\2):",
    ),
)
"""Aliases of types, parameters of types, and exceptions without parentheses."""
_INNER = re.compile(r"(?<=[\[({,])[ \t]{0,4}\"([^\"'\\\n{}]{0,100})\"(?=[ \t]{0,4}[\]),.])")
"""A text in double quotes within brackets: in an f-string with such quotes that is Python from 3.12 on."""
_SIGNS = {"n": ("\ue00a", "\n"), "t": ("\ue009", "\t")}
"""By their letters, what stands for escaped line breaks and tabs in an f-string's braces, which 3.12 reads."""
_ESCAPE = re.compile(r"\\([nt])")
_ESCAPED = re.compile(r"\{[^{}\n]{0,300}\\[nt][^{}\n]{0,300}\}")
MAX_LINES_OF_TEXT = 300
_OWN_QUOTES = re.compile(r"\b[rR]?[fFtT][rR]?([\"'])[^\"'\n{]{0,200}\{[^}\n\"']{0,100}\1")
_INVISIBLE = re.compile("[\u200b\u200c\u200d\u2060\ufeff]")


def parse(text: str, report: Report, *, file: str = "", tokens: int = MAX_TOKENS) -> ast.Module:
    """The syntax tree of a text with at most so many tokens. Raises ``UnreadableError``."""
    try:
        return _tree(text, file, tokens)
    except SyntaxError as error:
        mended = _mended(text)
        first = error
    tree = None
    if mended != text:
        try:
            tree = _tree(mended, file, tokens)
        except SyntaxError as error:
            first = error
    if tree is not None:
        what = "Odd spaces from a web page, or notebook commands (lines with ! or %), were taken off."
        report.info(Place(None, file), what)
        return tree
    older = _older(mended, first)
    if older is None:
        raise _explained(first, mended, file) from first
    message = f"The file is written for a newer Python than this server's ({VERSION}); it was read all the same."
    report.info(Place(first.lineno, file), message)
    return _restored(_tree(older, file, tokens))


def _restored(tree: ast.Module) -> ast.Module:
    """The tree with line breaks and tabs where signs stood for them."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            for sign, char in _SIGNS.values():
                node.value = node.value.replace(sign, char)
    return tree


def _older(text: str, error: SyntaxError) -> str | None:
    """A program of a newer Python as this one writes it, as far as that is a matter of signs; None if it is not."""
    older = text
    for pattern, instead in _NEWER:
        older = pattern.sub(instead, older)
    for _ in range(MAX_MENDED if len(text) < MAX_MENDED_CHARS else 1):
        try:
            parsed(older)
        except SyntaxError as newer:
            error = newer
        except ValueError:
            return None
        else:
            return older
        lines = older.split("\n")
        number = (error.lineno or 1) - 1
        if number >= len(lines) or not ("f-string" in str(error.msg) or _OWN_QUOTES.search(lines[number][:1_000])):
            return None
        has_escapes = any(part in str(error.msg) for part in ("backslash", "line continuation"))
        reach = MAX_LINES_OF_TEXT if has_escapes else 0  # the line may be that of its end
        rewrite = _without_escapes if reach else _with_other_quotes
        near = slice(max(0, number - reach), number + reach + 1)
        changed = [rewrite(line) for line in lines[near]]
        if changed == lines[near]:
            return None
        lines[near] = changed
        older = "\n".join(lines)
    return None


def _with_other_quotes(line: str) -> str:
    """The line with single quotes around the texts within an f-string's braces."""
    return _INNER.sub(r"'\1'", line)


def _without_escapes(line: str) -> str:
    """The line with signs for the line breaks and tabs that stand escaped within braces."""
    return _ESCAPED.sub(lambda braces: _ESCAPE.sub(lambda escape: _SIGNS[escape[1]][0], braces[0]), line)


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
    if _OWN_QUOTES.search(line[:1_000]):
        return (
            "This looks like Python 3.12 or newer, in which an f-string may hold its own quotes; this server reads "
            f"{VERSION}. Use other quotes inside the braces."
        )
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
