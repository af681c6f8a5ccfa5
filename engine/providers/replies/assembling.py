"""Puts an answer together from its events, or takes it whole: afterwards both are one message in OpenAI's shape."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from engine.errors import ProviderError
from engine.providers.replies.shape import MAX_NAME_CHARS, MAX_TOOL_CALLS, too_many_calls
from engine.text import read_json

TEXTS = ("content", "refusal", "reasoning_content", "reasoning")
OPENING = ("content", "reasoning_content", "reasoning", "refusal", "tool_calls", "function_call")
"""A first event that holds one of these is the first that the model said; others open the message."""


class _Pieces(list[str]):
    """Pieces of a text: joined once, because adding each to the ones before would copy them all again and again."""


KNOWN_OF_CALLS = frozenset({"id", "index", "type", "function"})
MAX_LOOKED_THROUGH = 4_000_000
"""Characters of arguments that are looked through for their end, in an answer whose calls have no ids."""


class Assembly:
    """One answer, of which only the first choice is read. ``finish_reason`` is "" until the provider sent one;
    ``filtered``: for what its filter stopped the answer."""

    def __init__(self) -> None:
        self.finish_reason = ""
        self.model = ""
        self.id = ""
        self.error: Any = None
        self.filtered: list[str] = []
        self.ttft_ms: int | None = None
        self._index: Any = None
        self._is_begun = False
        self._texts: dict[str, list[str]] = {}
        self._content_parts: list[Any] = []
        self._is_in_pieces = False
        self._lists: dict[str, list[dict[str, Any]]] = {}
        self._objects: dict[str, dict[str, Any]] = {}
        self._calls = _Calls()

    @property
    def message(self) -> dict[str, Any] | None:
        """The message so far; None if no choice has come."""
        if not self._is_begun:
            return None
        message: dict[str, Any] = {name: "".join(parts) for name, parts in self._texts.items()}
        if self._content_parts:
            message["content"] = joined(self._content_parts) if self._is_in_pieces else self._content_parts
        lists = {name: [_joined(part) for part in parts] for name, parts in self._lists.items()}
        return message | lists | self._objects | {"tool_calls": [call.as_message() for call in self._calls.made]}

    def add(self, data: Mapping[str, Any], *, is_event: bool, at_ms: int | None = None) -> None:
        """Adds a whole answer or one event. ``at_ms``: milliseconds since the request.

        Raises ``ProviderError`` if it holds more tool calls than anybody carries out.
        """
        self.model = self.model or _text(data.get("model"))
        self.id = self.id or _text(data.get("id"))
        places = ("delta", "message") if is_event else ("message", "delta")  # some servers fill both
        for choice in data.get("choices") or ():
            index = choice.get("index") or 0
            self._index = index if self._index is None else self._index
            if index != self._index:
                continue
            self._is_begun = True
            self.finish_reason = _text(choice.get("finish_reason")) or self.finish_reason
            self.error = choice.get("error") or self.error
            self.filtered += _filtered(choice.get("content_filter_results"))
            message = choice.get(places[0]) or choice.get(places[1]) or {"content": choice.get("text")}
            if self.ttft_ms is None and is_event and any(message.get(name) for name in OPENING):
                self.ttft_ms = at_ms
            self._add_message(message, is_event=is_event)

    def _add_message(self, message: Mapping[str, Any], *, is_event: bool) -> None:
        for name in TEXTS:
            if isinstance(value := message.get(name), str):
                self._texts.setdefault(name, []).append(value)
        if isinstance(parts := message.get("content"), list):
            self._content_parts.extend(parts)
            self._is_in_pieces = is_event
        for name, add in (("thinking_blocks", _add_block), ("reasoning_details", _add_detail)):
            for part in _dicts(message.get(name)):
                add(self._lists.setdefault(name, []), part)
        for name in ("provider_specific_fields", "extra_content"):
            if isinstance(value := message.get(name), dict):
                _merge(self._objects.setdefault(name, {}), value)
        calls = _dicts(message.get("tool_calls"))
        calls += [{"index": -1, "function": function} for function in _dicts([message.get("function_call")])]
        for call in calls:
            self._calls.add(call, is_event=is_event)


@dataclass(slots=True)
class _Call:
    """One tool call. ``pieces``: of its arguments' text; ``given``: arguments that are no text; ``more``: the rest."""

    id: str = ""
    name: str = ""
    pieces: list[str] = field(default_factory=list)
    given: Any = None
    more: dict[str, Any] = field(default_factory=dict)

    def as_message(self) -> dict[str, Any]:
        arguments = "".join(self.pieces) if self.given is None else self.given
        return {**self.more, "id": self.id, "function": {"name": self.name, "arguments": arguments}}


class _Calls:
    """Tool calls from their pieces. Who sends them numbers them right, wrong, all alike or not at all."""

    def __init__(self) -> None:
        self.made: list[_Call] = []
        self._at: dict[Any, _Call] = {}
        self._by_id: dict[str, _Call] = {}
        self._last: _Call | None = None
        self._chars_left = MAX_LOOKED_THROUGH

    def add(self, piece: Mapping[str, Any], *, is_event: bool) -> None:
        """Adds a whole call, or the piece of one that an event brings."""
        function = piece.get("function") or {}
        call_id, index = str(piece.get("id") or ""), piece.get("index")
        name, arguments = _text(function.get("name")), function.get("arguments")
        call = self._begun(call_id, index, name, arguments) if is_event else None
        if call is None:
            call = _Call()
            self.made.append(call)
            if len(self.made) > MAX_TOOL_CALLS:
                message = f"The provider's answer cannot be used: {too_many_calls(len(self.made))}."
                raise ProviderError(message, retryable=True, outcome_unknown=True)
        call.id = call.id or call_id
        if name != call.name and len(call.name) < MAX_NAME_CHARS:  # some repeat it with every piece
            call.name += name
        if isinstance(arguments, str):
            call.pieces.append(arguments)
        elif arguments is not None:
            call.given = arguments
        more = {name: value for name, value in piece.items() if name not in KNOWN_OF_CALLS and value is not None}
        call.more.update(more)
        self._at[index] = self._by_id[call.id] = self._last = call

    def _begun(self, call_id: str, index: Any, name: str, arguments: Any) -> _Call | None:
        """The call that the piece goes on with; None if it begins another."""
        same_id = self._by_id.get(call_id) if call_id else None
        if same_id is not None and (not name or index is None or self._at.get(index) is same_id):
            return same_id
        call = self._last if index is None else self._at.get(index)
        if call is None or (call_id and call.id):
            return None
        begins_again = name and (arguments or name != call.name) and self._is_whole(call)
        return None if begins_again else call

    def _is_whole(self, call: _Call) -> bool:
        """Whether nothing of the call's arguments can be missing: they are an object, or the text of one."""
        if call.given is not None:
            return True
        if not call.pieces or not call.pieces[-1].rstrip().endswith("}"):
            return False
        if self._chars_left <= 0:
            return False
        call.pieces[:] = ["".join(call.pieces)]
        self._chars_left -= len(call.pieces[0]) + 1
        try:
            return isinstance(read_json(call.pieces[0]), dict)
        except ValueError:
            return False


def _add_block(blocks: list[dict[str, Any]], piece: dict[str, Any]) -> None:
    """Anthropic's thinking: pieces of text, then the signature, which ends the block."""
    last = blocks[-1] if blocks else {}
    pieces = last.get("thinking")
    if piece.get("type") != "thinking" or last.get("signature") or not isinstance(pieces, _Pieces):
        is_thinking = piece.get("type") == "thinking"
        blocks.append(_in_pieces(piece, "thinking") if is_thinking else piece)
        return
    pieces.append(_text(piece.get("thinking")))
    last.update({name: value for name, value in piece.items() if name not in ("type", "thinking") and value})


def _add_detail(details: list[dict[str, Any]], piece: dict[str, Any]) -> None:
    """OpenRouter's reasoning: pieces of one kind and index belong together."""
    last = details[-1] if details else {}
    if not last or any(last.get(name) != piece.get(name) for name in ("type", "index")) or piece.get("data"):
        details.append(_in_pieces(piece, "text", "summary"))
        return
    for name, value in piece.items():
        if name in ("text", "summary") and isinstance(value, str):
            pieces = last.get(name)
            last[name] = pieces if isinstance(pieces, _Pieces) else _Pieces()
            last[name].append(value)
        elif value is not None:
            last[name] = value


def _in_pieces(part: dict[str, Any], *names: str) -> dict[str, Any]:
    """A copy to which texts of these names can be added."""
    texts = {name: _Pieces([part[name]]) for name in names if isinstance(part.get(name), str)}
    return part | texts


def _joined(part: dict[str, Any]) -> dict[str, Any]:
    return {name: "".join(value) if isinstance(value, _Pieces) else value for name, value in part.items()}


def joined(parts: list[Any]) -> list[Any]:
    """The parts of a streamed content: neighbours of one kind become one part, as in a whole answer."""
    whole: list[Any] = []
    for _, group in groupby(parts, key=lambda part: part.get("type") if isinstance(part, dict) else None):
        pieces = list(group)
        name = next((name for name in ("text", "thinking") if _all_have(pieces, name)), None)
        if name is None:
            whole.extend(pieces)
            continue
        values = [piece[name] for piece in pieces]
        is_text = isinstance(values[0], str)
        value: Any = "".join(values) if is_text else joined([part for parts in values for part in parts])
        whole.append({**{key: value for piece in pieces for key, value in piece.items()}, name: value})
    return whole


def _all_have(pieces: list[Any], name: str) -> bool:
    kinds = {type(piece.get(name)) if isinstance(piece, dict) else None for piece in pieces}
    return kinds in ({str}, {list})


def _filtered(results: Any) -> list[str]:
    """What Azure's filter found, such as violence."""
    items = results.items() if isinstance(results, dict) else ()
    return [kind for kind, found in items if isinstance(found, dict) and found.get("filtered") is True]


def _merge(into: dict[str, Any], more: Mapping[str, Any]) -> None:
    for name, value in more.items():
        if isinstance(value, list):
            into[name] = into.get(name) if isinstance(into.get(name), list) else []
            into[name].extend(value)
        elif value is not None:
            into[name] = value


def _dicts(value: Any) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
