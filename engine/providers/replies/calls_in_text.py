"""Tool calls that a model writes into its answer, in the notations that open models are trained on.

Some servers pass them on as text, and no answer to a person may be a raw call. What has no mark is a call only if it
is nothing but a call of a tool that there is.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from engine.providers.llm import ToolCall
from engine.providers.replies.tool_calls import MAX_NAME_CHARS, arguments_text, known_name
from engine.text import read_json, storable, storable_json

MAX_CALLS = 1000
MAX_STARTS = 20
UNREADABLE = "?"
"""Stands for the name in a call that could not be read."""
TAGS = r"(?:minimax:)?(?:tool_calls?|function_calls?|tool_use)"
MARKED = re.compile(
    rf"<(?P<tag>{TAGS})>(?P<tagged>.*?)(?:</(?P=tag)>|\Z)"  # Hermes, Qwen, GLM, MiniMax
    r"|<function=(?P<named>[^>\n]{1,200})>(?P<body>.*?)(?:</function>|\Z)"  # Llama 3, Qwen coder
    r"|\[TOOL_CALLS\](?P<mistral>.*)\Z"
    r"|<\|python_tag\|>(?P<llama>.*?)(?:<\|eom_id\|>|<\|eot_id\|>|\Z)"
    r"|<\|tool_call_begin\|>(?P<kimi>.*?)(?:<\|tool_call_end\|>|\Z)"
    r"|<｜tool▁call▁begin｜>(?P<deepseek>.*?)(?:<｜tool▁call▁end｜>|\Z)",
    re.DOTALL,
)
BEGINNINGS = ("tool_call", "function_call", "tool_use>", "<function=", "[TOOL_CALLS]", "<|python_tag|>", "tool▁call")
"""What each mark holds: looking for them takes a hundredth of what the patterns take."""
FRAMES = re.compile(r"<\|tool_calls_section_(?:begin|end)\|>|<｜tool▁(?:calls|outputs)▁(?:begin|end)｜>|<\|eom_id\|>")
FUNCTION = re.compile(r"<function=([^>\n]{1,200})>(.*?)(?:</function>|\Z)", re.DOTALL)
INVOKE = re.compile(r'<invoke\s+name="([^"]{1,200})"\s*>(.*?)(?:</invoke>|\Z)', re.DOTALL)
PARAMETER = re.compile(r'<parameter(?:=|\s++name=")([^>"\n]{1,200}+)"?\s*+>(.*?)(?:</parameter>|\Z)', re.DOTALL)
FENCE = re.compile(r"\A```[a-z_]*+\s*+(.*)```\Z", re.DOTALL)
START = re.compile(r"^[ \t]*(?:```[a-z_]*[ \t]*\n[ \t]*)?[\[{]", re.MULTILINE)
"""Where calls without marks may begin."""
NAME_KEYS, ARGUMENT_KEYS = ("name", "tool", "tool_name", "function"), ("arguments", "parameters", "args", "input")
OTHER_KEYS = frozenset({"id", "type", "index"})
Tools = Mapping[str, Mapping[str, Any]]
"""The parameters of each tool, by its name."""
Call = tuple[str, Any]
"""A name and arguments, not yet in one form."""


def taken_from(text: str, tools: Tools) -> tuple[str, tuple[ToolCall, ...]]:
    """The text without the calls in it, and the calls. Without calls the text is as it was."""
    found: list[Call] = []
    rest, at = [], 0
    is_marked = any(beginning in text for beginning in BEGINNINGS)
    for match in islice(MARKED.finditer(text) if is_marked else (), MAX_CALLS):
        found.extend(_marked(match, tools))
        rest.append(text[at : match.start()])
        at = match.end()
    rest.append(text[at:])
    if not found:
        head, found = _unmarked(text, tools)
        rest = [head]
    if not found:
        return text, ()
    calls = (_call(number, call, tools) for number, call in enumerate(found[:MAX_CALLS]))
    return FRAMES.sub("", MARKED.sub("", "".join(rest))).strip(), tuple(calls)


def _call(number: int, call: Call, tools: Tools) -> ToolCall:
    name, arguments = call
    name = known_name(storable(name[:MAX_NAME_CHARS]), tools.keys())
    return ToolCall(f"call_{number}", name, arguments_text(arguments))


def _marked(match: re.Match[str], tools: Tools) -> list[Call]:
    """The calls of a marked part; one that cannot be read is a call of ``UNREADABLE``."""
    kind = match.lastgroup or ""
    if kind == "body":
        return [(match["named"].strip(), _parameters(match["body"], match["named"].strip(), tools))]
    if kind in ("kimi", "deepseek"):
        return [_headed(match[kind])]
    body = match[kind].strip()
    calls = list(_in_markup(body, tools)) or list(_in_json(body))
    if not calls and kind == "mistral":
        calls = [_headed(part.replace("[ARGS]", "\n", 1)) for part in body.split("[TOOL_CALLS]", MAX_CALLS)]
    return calls or [(UNREADABLE, body)]


def _headed(body: str) -> Call:
    """A name, perhaps with its number, then the arguments: ``functions.search:0 ... {"q": 1}``."""
    head, brace, tail = body.partition("{")
    words = re.sub(r"<\|tool_call_argument_begin\|>|<｜tool▁sep｜>|```(?:json)?", " ", head).split()
    names = [word for word in words if word != "function"]
    name = re.sub(r":\d+\Z", "", names[0]) if names else UNREADABLE
    text = brace + tail
    return name, text[: text.rfind("}") + 1] if brace else ""


def _in_markup(body: str, tools: Tools) -> Iterator[Call]:
    """Calls whose parameters are tags of their own."""
    for pattern in (FUNCTION, INVOKE):
        for match in islice(pattern.finditer(body), MAX_CALLS):
            yield match[1].strip(), _parameters(match[2], match[1].strip(), tools)
    name, *pairs = body.split("<arg_key>", MAX_CALLS)  # GLM
    if pairs:
        parts = [pair.partition("</arg_key>") for pair in pairs]
        values = {key.strip(): rest.partition("<arg_value>")[2].partition("</arg_value>")[0] for key, _, rest in parts}
        yield name.strip(), {key: _value(value, name.strip(), key, tools) for key, value in values.items()}


def _parameters(body: str, name: str, tools: Tools) -> Any:
    """The arguments of a call in markup: parameters as tags, or JSON."""
    pairs = list(islice(PARAMETER.finditer(body), MAX_CALLS))
    if not pairs:
        return body.strip()
    return {pair[1].strip(): _value(pair[2], name, pair[1].strip(), tools) for pair in pairs}


def _value(text: str, name: str, parameter: str, tools: Tools) -> Any:
    """A parameter's value: a text where the tool wants one, else what it says as JSON."""
    properties = tools.get(known_name(name, tools.keys()), {}).get("properties")
    schema = properties.get(parameter) if isinstance(properties, dict) else None
    text = text.strip("\n")
    if isinstance(schema, dict) and schema.get("type") == "string":
        return text
    try:
        return read_json(text)
    except ValueError:
        return text


def _in_json(body: str) -> Iterator[Call]:
    """Calls as JSON: one object, a list of them, or several one after the other."""
    decoder, at, body = json.JSONDecoder(parse_constant=_refuse_constant), 0, _unfenced(body)
    for _ in range(MAX_CALLS):
        try:
            value, at = decoder.raw_decode(body, at)
            value = storable_json(value)
        except (ValueError, RecursionError):
            return
        for item in value if isinstance(value, list) else [value]:
            if (call := _as_call(item)) is not None:
                yield call
        while at < len(body) and body[at] in " \t\r\n;,":
            at += 1


def _unfenced(body: str) -> str:
    """What stands within a fence, if the body is one as a whole."""
    match = FENCE.match(body) if body.startswith("```") and body.endswith("```") and len(body) > 5 else None
    return match[1].strip() if match else body.strip()


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON value")


def _as_call(value: Any) -> Call | None:
    if not isinstance(value, dict):
        return None
    if isinstance(inner := value.get("function"), dict):
        value = {**inner}
    name = next((value[key] for key in NAME_KEYS if isinstance(value.get(key), str)), None)
    if not name:
        return None
    return name, next((value[key] for key in ARGUMENT_KEYS if key in value), None)


def _unmarked(text: str, tools: Tools) -> tuple[str, list[Call]]:
    """What comes before calls at the end of a text, and those calls: JSON that is nothing but calls of the tools."""
    for start in islice(START.finditer(text), MAX_STARTS):
        body = text[start.start() :].strip()
        if (calls := _only_calls(_unfenced(body), tools)) is not None:
            return text[: start.start()], calls
    return text, []


def _only_calls(body: str, tools: Tools) -> list[Call] | None:
    try:
        value = read_json(body)
    except ValueError:
        return None
    items = value if isinstance(value, list) else [value]
    if len(items) > MAX_CALLS:
        return None
    calls = [_as_call(item) for item in items]
    allowed = {*NAME_KEYS, *ARGUMENT_KEYS, *OTHER_KEYS}
    for item, call in zip(items, calls, strict=True):
        if call is None or set(item) - allowed or known_name(call[0][:MAX_NAME_CHARS], tools.keys()) not in tools:
            return None
    return [call for call in calls if call is not None]
