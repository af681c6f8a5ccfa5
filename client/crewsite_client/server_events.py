"""Server-sent events, read from bytes as they come.

Lines end with LF, CR LF or CR and with nothing else: texts of models hold other line separators of Unicode, at which
``str.splitlines`` and httpx's lines would tear an event apart.
"""

from __future__ import annotations

from dataclasses import dataclass

MOST_BYTES = 50_000_000
"""Of one event."""


class TooLongError(Exception):
    """An event goes on for longer than any is."""


@dataclass(frozen=True, slots=True)
class ServerEvent:
    id: str
    event: str
    data: str


class EventReader:
    """Feed it bytes; it gives the events that are whole, and raises ``TooLongError`` for one beyond ``most`` bytes."""

    def __init__(self, most: int = MOST_BYTES) -> None:
        self._most = most
        self._size = 0  # of the event that is not whole yet
        self._rest = bytearray()
        self._last_id = ""
        self._event = ""
        self._data: list[str] = []

    def feed(self, piece: bytes) -> list[ServerEvent]:
        if not piece:
            return []
        ended_in_cr = self._rest.endswith(b"\r")
        self._rest += piece
        self._size += len(piece)
        if self._size > self._most:
            raise TooLongError
        if not ended_in_cr and b"\n" not in piece and b"\r" not in piece:
            return []
        text = bytes(self._rest)
        ends_in_cr = text.endswith(b"\r")  # its LF may come with the next piece
        if ends_in_cr:
            text = text[:-1]
        *lines, rest = text.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
        self._rest = bytearray(rest + b"\r" if ends_in_cr else rest)
        found = [event for line in lines if (event := self._line(line.decode("utf-8", "replace"))) is not None]
        if found or not self._data:
            self._size = len(self._rest)
        return found

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
