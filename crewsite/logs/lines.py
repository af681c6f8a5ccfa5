"""How a log line is written: as JSON for machines or as text for people. What is left out is decided in ``redaction``.

The standard library's logging writes it: Django, Celery, uvicorn and their dependencies log through that anyway.
"""

from __future__ import annotations

import json
import logging
import logging.config
import re
import traceback
from datetime import UTC, datetime
from typing import Any

from crewsite.logs.redaction import OURS, WITHHELD, fields, is_ours, is_trusted, masked, traceback_lines
from runs.telemetry.log_context import marks
from teams.texts.times import time_text

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
"""A request's address may hold these. Written as they are, its sender could forge a log line, or colour it."""
MAX_FOREIGN = 500
"""Characters of another package's message: they quote what strangers send, such as a host's name of 3,000."""


def settings_of(*, level: str, form: str) -> dict[str, Any]:
    """Django's ``LOGGING``. ``level`` is for our own lines; other packages' lines are written from WARNING on, because
    those below may hold request bodies, addresses and prompts."""
    others_level = "WARNING" if level in ("DEBUG", "INFO") else level
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"form": {"()": {"json": JsonLines, "line": PlainLines}[form]}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "form"}},
        "root": {"handlers": ["stderr"], "level": others_level},
        "loggers": {name: {"level": level} for name in OURS}
        # uvicorn's own handlers would bypass this one, and its access lines would hold the secrets of sign-in links.
        | {name: {"level": others_level, "handlers": [], "propagate": True} for name in ("uvicorn", "uvicorn.error")}
        | {"uvicorn.access": {"level": "WARNING", "handlers": [], "propagate": False}}
        | {"django": {"level": others_level, "handlers": [], "propagate": True}}
        # Below ERROR it repeats the requests that ``request_log`` logs.
        | {"django.request": {"level": "ERROR"}},
    }


def configure(config: dict[str, Any]) -> None:
    """Django's ``LOGGING_CONFIG``. Python's warnings go through the same redaction: they may quote content."""
    logging.config.dictConfig(config)
    logging.captureWarnings(True)


class JsonLines(logging.Formatter):
    """One JSON object per line: ``time``, ``level``, ``logger``, ``message``, marks, extra fields, ``traceback``."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": _time(record),
            "level": record.levelname,
            "logger": record.name,
            "message": _message(record),
            **marks(),
            **_extra(record),
        }
        if frames := _traceback(record):
            line["traceback"] = frames
        return json.dumps(line, ensure_ascii=False, default=str)


class PlainLines(logging.Formatter):
    """``time LEVEL logger: message  name=value …``, and the traceback below."""

    def format(self, record: logging.LogRecord) -> str:
        facts = " ".join(f"{name}={value}" for name, value in {**marks(), **_extra(record)}.items())
        text = _CONTROL.sub(_escaped, f"{_message(record)}{'  ' if facts else ''}{facts}")
        line = f"{_time(record)} {record.levelname} {record.name}: {text}"
        return f"{line}\n{frames}" if (frames := _traceback(record)) else line


def _escaped(control: re.Match[str]) -> str:
    return ascii(control[0])[1:-1]


def _time(record: logging.LogRecord) -> str:
    return time_text(datetime.fromtimestamp(record.created, UTC), timespec="milliseconds")


def _message(record: logging.LogRecord) -> str:
    if record.name == "py.warnings" and (place := re.match(r"\S+:\d+: \w+", record.getMessage())):
        return f"{place[0]} {WITHHELD}"
    if record.name == "asyncio" and record.getMessage().startswith(("Task ", "Unclosed ")):
        return record.getMessage().partition("\n")[0]  # its further lines show what the task held
    if not is_trusted(record.name):
        return f"a line from {record.module}:{record.lineno} {WITHHELD}"
    try:
        text = masked(record.getMessage())
        return text if is_ours(record.name) or len(text) <= MAX_FOREIGN else f"{text[:MAX_FOREIGN]}…"
    except (TypeError, ValueError):  # the arguments do not fit: the caller's bug, and no reason to lose the line
        return masked(str(record.msg))


def _extra(record: logging.LogRecord) -> dict[str, Any]:
    """Our own extra fields. Those of other packages are left out: they hold requests and tasks."""
    if not is_ours(record.name):
        return {}
    return fields({name: value for name, value in vars(record).items() if name not in _STANDARD})


def _traceback(record: logging.LogRecord) -> str:
    if record.exc_info and record.exc_info[1] is not None:
        return "\n".join(traceback_lines(record.exc_info[1]))
    if record.stack_info:
        return "".join(traceback.format_stack(limit=20))
    return ""
