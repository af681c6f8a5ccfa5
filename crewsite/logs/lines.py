"""How a log line is written: JSON for machines, plain text for people, both through ``redaction``.

The standard library's logging does it: Django, Celery, uvicorn and what they stand on log through it anyway.
"""

from __future__ import annotations

import json
import logging
import logging.config
import re
import traceback
from datetime import UTC, datetime
from typing import Any

from crewsite.logs.redaction import OURS, WITHHELD, fields, is_trusted, masked, traceback_lines
from runs.telemetry.log_context import marks
from teams.times import time_text

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
"""An address may hold them: written as they are, whoever asks for it could write a line of their own, or colours."""


def settings_of(*, level: str, form: str) -> dict[str, Any]:
    """Django's ``LOGGING``. ``level`` is for our own lines; other packages' are written from WARNING on, because below
    that they would write request bodies, addresses and prompts."""
    others = "WARNING" if level in ("DEBUG", "INFO") else level
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"form": {"()": {"json": JsonLines, "line": PlainLines}[form]}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "form"}},
        "root": {"handlers": ["stderr"], "level": others},
        "loggers": {name: {"level": level} for name in OURS}
        # Its own handlers would write around this one, and its access lines would hold the secrets of sign-in links.
        | {name: {"level": others, "handlers": [], "propagate": True} for name in ("uvicorn", "uvicorn.error")}
        | {"uvicorn.access": {"level": "WARNING", "handlers": [], "propagate": False}}
        | {"django": {"level": others, "handlers": [], "propagate": True}}
        # Each of its lines below ERROR is a request that our own line tells about.
        | {"django.request": {"level": "ERROR"}},
    }


def configure(config: dict[str, Any]) -> None:
    """Django's ``LOGGING_CONFIG``: warnings, which may quote what they warn about, take the same way."""
    logging.config.dictConfig(config)
    logging.captureWarnings(True)


class JsonLines(logging.Formatter):
    """One JSON object a line: ``time``, ``level``, ``logger``, ``message``, marks, extra fields, ``traceback``."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": _time(record),
            "level": record.levelname,
            "logger": record.name,
            "message": _message(record),
            **marks(),
            **_extra(record),
        }
        if told := _traceback(record):
            line["traceback"] = told
        return json.dumps(line, ensure_ascii=False, default=str)


class PlainLines(logging.Formatter):
    """``time LEVEL logger: message  name=value …``, and the traceback below."""

    def format(self, record: logging.LogRecord) -> str:
        facts = " ".join(f"{name}={value}" for name, value in {**marks(), **_extra(record)}.items())
        said = _CONTROL.sub(_escaped, f"{_message(record)}{'  ' if facts else ''}{facts}")
        line = f"{_time(record)} {record.levelname} {record.name}: {said}"
        return f"{line}\n{told}" if (told := _traceback(record)) else line


def _escaped(control: re.Match[str]) -> str:
    return ascii(control[0])[1:-1]


def _time(record: logging.LogRecord) -> str:
    return time_text(datetime.fromtimestamp(record.created, UTC), timespec="milliseconds")


def _message(record: logging.LogRecord) -> str:
    if record.name == "py.warnings" and (place := re.match(r"\S+:\d+: \w+", record.getMessage())):
        return f"{place[0]} {WITHHELD}"
    if record.name == "asyncio" and record.getMessage().startswith(("Task ", "Unclosed ")):
        return record.getMessage().partition("\n")[0]  # the lines below it show what the task held
    if not is_trusted(record.name):
        return f"a line from {record.module}:{record.lineno} {WITHHELD}"
    try:
        return masked(record.getMessage())
    except (TypeError, ValueError):  # arguments that do not fit: a bug of whoever logs, and no reason to lose the line
        return masked(str(record.msg))


def _extra(record: logging.LogRecord) -> dict[str, Any]:
    """What our own code says beside the message; other packages' extras hold requests and tasks."""
    if not any(record.name == name or record.name.startswith(f"{name}.") for name in OURS):
        return {}
    return fields({name: value for name, value in vars(record).items() if name not in _STANDARD})


def _traceback(record: logging.LogRecord) -> str:
    if record.exc_info and record.exc_info[1] is not None:
        return "\n".join(traceback_lines(record.exc_info[1]))
    if record.stack_info:
        return "".join(traceback.format_stack(limit=20))
    return ""
