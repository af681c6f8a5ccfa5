"""Functions that take too much, for the child process."""

from __future__ import annotations

import os
import time
from typing import Any


def same(value: Any) -> Any:
    return value


def spin() -> None:
    while True:
        pass


def sleep(seconds: float) -> str:
    time.sleep(seconds)
    return "slept"


def fill() -> int:
    parts = []
    while True:
        parts.append(bytearray(50_000_000))


def long_text(count: int) -> str:
    return "x" * count


def mistake(text: str) -> None:
    raise ValueError(text)


def vanish() -> None:
    os._exit(3)


def process() -> int:
    return os.getpid()


def environment() -> dict[str, str]:
    return dict(os.environ)
