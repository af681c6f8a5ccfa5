"""How often the totals of generated months lie in the ranges that were forecast: the table of docs/forecast.md.

Usage: .venv/bin/python bench/forecast.py [--teams 100]
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.runs.forecast.months import table


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--teams", type=int, default=100, help="of each kind; each is looked at three times")
    for line in table(teams=asked.parse_args().teams):
        print(line, flush=True)


if __name__ == "__main__":
    main()
