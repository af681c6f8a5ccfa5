"""docs/security.md names tests that there are."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PAPER = (ROOT / "docs/security.md").read_text()
NAMED = re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", PAPER)
LEVEL_TWO = {
    "6.1": (1, 2, 3),
    "6.2": (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11),
    "6.3": (1, 2, 3),
    "6.4": (1, 2, 3, 4),
    "6.5": (1, 2, 3, 4, 5),
    "6.6": (1, 2, 3),
    "6.8": (1, 2, 3, 4),
    "7.1": (1, 2, 3),
    "7.2": (1, 2, 3, 4),
    "7.3": (1, 2),
    "7.4": (1, 2, 3, 4, 5),
    "7.5": (1, 2),
    "7.6": (1, 2),
    "8.1": (1, 2),
    "8.2": (1, 2, 3),
    "8.3": (1,),
    "8.4": (1,),
}
"""Points of levels 1 and 2 in the OWASP ASVS 5.0, chapters on authentication, sessions and authorization."""


def test_the_paper_names_many() -> None:
    assert len(NAMED) > 50


@pytest.mark.parametrize(("file", "name"), NAMED)
def test_each_is_there(file: str, name: str) -> None:
    text = (ROOT / file).read_text()
    assert not name or re.search(rf"^ *(?:async def|def|class) {name}\b", text, re.MULTILINE)


def test_no_point_of_level_two_is_left_out() -> None:
    heads = re.findall(r"^\| ([678]\.[\d., ]*\d) \|", PAPER, re.MULTILINE)
    named = [number for head in heads for number in head.split(", ")]
    assert sorted(named) == sorted(f"{section}.{point}" for section, points in LEVEL_TWO.items() for point in points)
