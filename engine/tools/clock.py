"""The date and time now, which models would otherwise guess."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from engine.tools.tool import ToolFacts, ToolFailed


class CurrentTime:
    """Tells the time in an IANA time zone, by default in UTC."""

    facts = ToolFacts(
        name="current_time",
        description="The date and time now.",
        parameters={
            "type": "object",
            "properties": {
                "time_zone": {"type": "string", "description": "IANA name such as Europe/Berlin; UTC if left out"}
            },
            "additionalProperties": False,
        },
        cacheable=False,
    )

    async def run(self, arguments: dict[str, Any]) -> str:
        name = arguments.get("time_zone") or "UTC"
        try:
            zone = UTC if name == "UTC" else ZoneInfo(name)
        except (OSError, ValueError) as error:
            raise ToolFailed(f"There is no time zone {name!r}.") from error
        return datetime.now(zone).strftime("%A, %Y-%m-%d %H:%M:%S %Z (UTC%z)")
