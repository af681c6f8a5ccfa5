"""Imports in processes with limits of the operating system: ``python -m tests.agents_app.formats.limited``.

Each line of its input is a project's files as JSON: texts by path, or pairs of a path and base64. Each is read in a
fork of its own, which may take ``SECONDS`` of processor time and ``BYTES`` of addresses more than it started with; the
answer is a line of JSON.
"""

from __future__ import annotations

import base64
import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Self

from agents_app.formats import read_files, read_uploads

SECONDS = 20
BYTES = 1_000_000_000


class Limited:
    """The process that forks, as the tests see it."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", __name__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def read_uploads(self, packed: list[list[str]]) -> dict[str, Any]:
        """As ``read``, of files whose bytes are written in base64."""
        return self.read(packed)

    def read(self, files: dict[str, str] | list[list[str]]) -> dict[str, Any]:
        """``spec``, ``report`` as level, line and message, and ``seconds`` and ``megabytes``; else how it ended."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps(files) + "\n")
        self._process.stdin.flush()
        answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        return answer

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()


def main() -> None:
    for line in sys.stdin:
        reader, writer = os.pipe()
        child = os.fork()
        if not child:
            os.close(reader)
            os.write(writer, json.dumps(_answer(json.loads(line))).encode())
            os._exit(0)
        os.close(writer)
        with open(reader) as answer:
            text = answer.read()
        _, status = os.waitpid(child, 0)
        sys.stdout.write((text or json.dumps({"ended": os.waitstatus_to_exitcode(status)})) + "\n")
        sys.stdout.flush()


def _answer(files: dict[str, str] | list[list[str]]) -> dict[str, Any]:
    uploads = [(path, base64.b64decode(data)) for path, data in files] if isinstance(files, list) else []
    size = int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    resource.setrlimit(resource.RLIMIT_AS, (size + BYTES, size + BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    before, start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    try:
        imported = read_uploads(uploads) if isinstance(files, list) else read_files(files)
    except BaseException as error:
        return {"raised": repr(error)[:500]}
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {
        "spec": imported.spec is not None,
        "report": [(note.level, note.line, note.message) for note in imported.report[:50]],
        "remarks": len(imported.report),
        "seconds": time.process_time() - start,
        "megabytes": (peak - before) // 1024,
    }


if __name__ == "__main__":
    main()
