"""Server-sent events, read from bytes as they come.

Lines end with LF, CR LF or CR and with nothing else: texts of models hold other line separators of Unicode, at which
``str.splitlines`` and httpx's lines would tear an event apart.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ServerEvent:
    id: str
    event: str
    data: str


class EventReader:
    """Feed it bytes; it gives the events that are whole."""

    def __init__(self) -> None:
        self._rest = b""
        self._last_id = ""
        self._event = ""
        self._data: list[str] = []

    def feed(self, piece: bytes) -> list[ServerEvent]:
        if not piece:
            return []
        text = self._rest + piece
        ends_in_cr = text.endswith(b"\r")  # its LF may come with the next piece
        if ends_in_cr:
            text = text[:-1]
        *lines, rest = text.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
        self._rest = rest + b"\r" if ends_in_cr else rest
        return [event for line in lines if (event := self._line(line.decode("utf-8", "replace"))) is not None]

    def _line(self, line: str) -> ServerEvent | None:
        if not line:
            return self._whole()
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if field == "data":
            self._data.append(value)
        elif field == "event":
            self._event = value
        elif field == "id" and "\0" not in value:
            self._last_id = value
        return None

    def _whole(self) -> ServerEvent | None:
        data, event = self._data, self._event
        self._data, self._event = [], ""
        return ServerEvent(self._last_id, event or "message", "\n".join(data)) if data else None
