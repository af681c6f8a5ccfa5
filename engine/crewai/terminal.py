"""The Python API's default reviewer: a person at the terminal."""

from __future__ import annotations

import asyncio
import sys

from engine.record.journal import Verdict
from engine.record.memory_journal import Reviewer


def at_terminal() -> Reviewer | None:
    """The reviewer at the terminal; None if there is no terminal."""
    return ask_at_terminal if sys.stdin is not None and sys.stdin.isatty() else None


async def ask_at_terminal(task: str, answer: str) -> Verdict:
    """Shows the answer and reads a line. An empty line approves it; any other is a comment that sends it back."""
    question = f"\n--- {task} ---\n{answer}\n\nPress Enter to approve, or type what should be different: "
    typed = await asyncio.to_thread(input, question)
    return Verdict(approved=not typed.strip(), comment=typed.strip())
