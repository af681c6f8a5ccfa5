"""Each pattern of ``agents_app.formats`` against long lines: ``python -m tests.agents_app.formats.patterns``.

It names each pattern before its turn, and dies by its limit of processor time if one takes more than linear time.
"""

from __future__ import annotations

import importlib
import pkgutil
import re
import resource
import sys
from collections.abc import Iterator

from agents_app import formats
from agents_app.formats import detect

SECONDS = 60
COUNT = 60_000
LINES = [
    *(char * COUNT + end for char in " \t#`~{[('\"\\%_a1:.,-*/!=>" for end in ("", "x", "\n", "!")),
    *(
        pair * COUNT + "!"
        for pair in ("a ", " a", "a,", "a.", "_a", "a_", "1 ", "{a", "a:", '\\"', "%(", "'a", "Aa", "-a")
    ),
    *(" " * COUNT + middle + " " * COUNT + "!" for middle in ("", "1", "a", "a:", "print", "a,", "x =", '"""', "f'")),
    "a" + " " * COUNT + "=",
    "x, word" * COUNT,
    '\\"""' * COUNT,
    "'''a\\" * COUNT,
]
CUT = {"detect._PYTHON", "detect._YAML", "detect._CREW_YAML", "detect._CALL"}
"""Patterns that see the beginning of a line only."""


def patterns() -> Iterator[tuple[str, re.Pattern[str]]]:
    for info in pkgutil.walk_packages(formats.__path__, "agents_app.formats."):
        module = importlib.import_module(info.name)
        for name, value in vars(module).items():
            for pattern in _flat(value):
                yield f"{info.name.removeprefix('agents_app.formats.')}.{name}", pattern


def _flat(value: object) -> Iterator[re.Pattern[str]]:
    if isinstance(value, re.Pattern):
        yield value
    elif isinstance(value, tuple):
        for part in value:
            yield from _flat(part)


def main() -> None:
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    for name, pattern in patterns():
        sys.stdout.write(f"{name}\n")
        sys.stdout.flush()
        for line in LINES:
            seen = line[: detect._CHARS_LOOKED_AT] if name in CUT else line
            pattern.match(seen)
            pattern.search(seen)
            pattern.sub("", seen)


if __name__ == "__main__":
    main()
