"""Takes the first message to a model apart, as a model would: the task, its expected output, and the answers before it.

The form is that of ``engine.crew.prompt.task_message``. Not imported: the simulator knows no more of the engine than a
real model does.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

LABEL = "**Simulated answer**"
"""How each simulated answer in words begins."""
SCHEMA = "\n\nAnswer with one JSON value"
EXPECTED = re.compile(r"^Expected output: ", re.MULTILINE)
CONTEXT = re.compile(rf"(?:\A|\n\n)## [^\n]+\n(?={re.escape(LABEL)}|\{{)")
"""Where an earlier answer stands: below its title. Answers may have headings of their own."""
ANY_CONTEXT = re.compile(r"\n\n## [^\n]+\n")


@dataclass(frozen=True, slots=True)
class Brief:
    """``context``: the answers of earlier tasks in words, without their label, in order. Those in JSON are left out."""

    description: str
    expected_output: str
    context: tuple[str, ...] = ()


def read_brief(text: str) -> Brief:
    task = ANY_CONTEXT.split(text, maxsplit=1)[0]
    description, *expected = EXPECTED.split(task.partition(SCHEMA)[0], maxsplit=1)
    answers = CONTEXT.split(text[len(task) :])[1:]
    in_words = (answer.partition("\n")[2].strip() for answer in answers if answer.startswith(LABEL))
    return Brief(description.strip(), expected[0].strip() if expected else "", tuple(filter(None, in_words)))
