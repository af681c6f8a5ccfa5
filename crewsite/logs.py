"""How log lines look: one line for people, or one JSON object per line. Neither secrets nor prompts are ever logged."""

from __future__ import annotations

import json
import logging
from typing import Any


class JsonLines(logging.Formatter):
    """Time, level, logger, message and, where there is one, the traceback."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": self.formatTime(record, "%Y-%m-%dT%H:%M:%S%z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


def configuration(*, level: str, as_json: bool) -> dict[str, Any]:
    """Django's ``LOGGING``: everything to standard error."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "people": {"format": "%(asctime)s %(levelname)-7s %(name)s: %(message)s"},
            "json": {"()": "crewsite.logs.JsonLines"},
        },
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json" if as_json else "people"}},
        "root": {"handlers": ["stderr"], "level": level.upper()},
        # Libraries that tell at INFO what they send, where to, or each step of their own.
        "loggers": {
            name: {"level": "WARNING"}
            for name in ("httpx", "httpcore", "openai", "LiteLLM", "pgmq", "psycopg.pool", "kombu", "asyncio", "amqp")
        },
    }
