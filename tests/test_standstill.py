"""Where a test stands still is written with the stacks of all threads."""

from __future__ import annotations

import io
import threading

from tests.standstill import write_stacks


def test_where_each_thread_stands_is_written() -> None:
    reached, goes_on = threading.Event(), threading.Event()

    def stand_still() -> None:
        reached.set()
        goes_on.wait(60)

    thread = threading.Thread(target=stand_still, name="a still one")
    thread.start()
    written = io.StringIO()
    try:
        assert reached.wait(60)
        looking = threading.Thread(target=write_stacks, args=("test_some.py::test_it", written))
        looking.start()
        looking.join(60)
    finally:
        goes_on.set()
        thread.join(60)
    text = written.getvalue()
    assert text.startswith("\ntest_some.py::test_it has gone on for 300 s.")
    assert "Thread a still one:" in text
    assert "in stand_still" in text
    assert "in test_where_each_thread_stands_is_written" in text
