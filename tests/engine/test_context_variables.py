"""A collection of garbage that sets variables while a variable is set."""

from __future__ import annotations

import os
import subprocess
import sys
from contextvars import ContextVar

import pytest

from engine.context_variables import holding, set_variable

SETS_WHILE_COLLECTING = """
import gc
import sys
from contextvars import Context, ContextVar
from engine.context_variables import set_variable

if sys.argv[1] == "plain":
    set_variable = ContextVar.set

class Garbage:
    def __init__(self, variables):
        self.variables, self.itself = variables, self

    def __del__(self):
        for _ in range(3):
            for variable in self.variables:
                variable.set(object())

def set_them():
    variable, others = ContextVar("one"), [ContextVar("other") for _ in range(60)]
    for other in others:
        other.set(object())
    for allocations in [*range(30)] * 6:
        gc.collect()
        gc.set_threshold(0)
        Garbage(others)
        gc.set_threshold(gc.get_count()[0] + allocations)  # so it is collected at one of the allocations below
        set_variable(variable, object())
        gc.set_threshold(0)

gc.freeze()
for _ in range(6):  # each with addresses, and so a map, of its own
    Context().run(set_them)
"""


def survives(how: str) -> bool:
    """Whether a process does that frees memory by overwriting it."""
    environment = {**os.environ, "PYTHONMALLOC": "debug"}
    child = subprocess.run(
        [sys.executable, "-c", SETS_WHILE_COLLECTING, how], env=environment, check=False, capture_output=True
    )
    return child.returncode == 0


def test_collecting_what_sets_variables_does_not_crash_the_process() -> None:
    assert survives("kept")


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="mended in the interpreter")
def test_as_python_sets_them_it_does() -> None:
    assert not all(survives("plain") for _ in range(3))


def test_a_variable_is_set_and_put_back() -> None:
    variable = ContextVar("variable", default="none")
    set_variable(variable, "outer")
    with holding(variable, "inner"):
        assert variable.get() == "inner"
    assert variable.get() == "outer"
