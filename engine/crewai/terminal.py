"""A person at the terminal who is asked about answers: the Python API's default reviewer."""

from __future__ import annotations

import asyncio
import sys

from engine.record.journal import Verdict
from engine.record.memory_journal import Reviewer


def at_terminal() -> Reviewer | None:
    """The reviewer at the terminal; None where nobody sits at one."""
    return ask_at_terminal if sys.stdin is not None and sys.stdin.isatty() else None


async def ask_at_terminal(task: str, answer: str) -> Verdict:
    """Shows the answer and reads a line: an empty one approves it, anything else is the comment that sends it back."""
    question = f"\n--- {task} ---\n{answer}\n\nPress Enter to approve, or type what should be different: "
    said = await asyncio.to_thread(input, question)
    return Verdict(approved=not said.strip(), comment=said.strip())
