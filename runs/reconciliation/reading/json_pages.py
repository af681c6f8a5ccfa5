"""Pages of the usage and cost APIs of OpenAI and Anthropic as they were saved: one, a list of them, or one a line."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Any, NoReturn

from runs.reconciliation.reading import anthropic, openai
from runs.reconciliation.reading.cells import day_of
from runs.reconciliation.reading.lines import Statement, Unclear, Unreadable
from runs.reconciliation.reading.table import MOST_ROWS

NO_PAGES = (
    "It is JSON, but none of the usage or cost APIs of OpenAI or Anthropic: these have “data” with buckets, and in "
    "each “results”. Save their answers as they are, or export CSV."
)
MORE = "It is one page of several (“has_more” is true). What stands on the others is missing here: add them."


def read_json(text: str) -> Statement:
    """Raises ``Unreadable`` if it is none of these pages. What cannot be read is a fault at its result."""
    pages = list(_pages(text))
    buckets = [bucket for page in pages for bucket in _list_of(page, "data")]
    if not buckets or not all(isinstance(bucket, dict) and "results" in bucket for bucket in buckets):
        raise Unreadable(NO_PAGES)
    written = [json.dumps(bucket, default=str, sort_keys=True) for bucket in buckets]
    if len(set(written)) < len(written):
        raise Unreadable("One of its buckets stands there twice, which would count twice. Leave one out.")
    results = [result for bucket in buckets for result in _list_of(bucket, "results")]
    if len(results) > MOST_ROWS:
        raise Unreadable(f"It has more than {MOST_ROWS:,} results. Ask for buckets of a day, or for fewer days.")
    read = _statement(buckets, results)
    if pages[-1].get("has_more") is True:
        read.left_out[MORE] += 1
    _read_all(read, buckets)
    return read


def _statement(buckets: list[Any], results: list[Any]) -> Statement:
    shown = [result for result in results if isinstance(result, dict)]
    if "start_time" in buckets[0]:
        is_cost = any(result.get("object") == openai.COST_RESULT for result in shown)
        return Statement(openai.COSTS if is_cost else openai.USAGE, "openai", tells_batches=not is_cost)
    if "starting_at" in buckets[0]:
        is_cost = any("amount" in result for result in shown)
        return Statement(anthropic.COSTS if is_cost else anthropic.USAGE, "anthropic")
    raise Unreadable(NO_PAGES)


def _read_all(read: Statement, buckets: list[Any]) -> None:
    place = 0
    of_openai = read.provider == "openai"
    begin, end = ("start_time", "end_time") if of_openai else ("starting_at", "ending_at")
    for bucket in buckets:
        results = _list_of(bucket, "results")
        with read.at(place + 1):
            if begin not in bucket:
                raise Unclear(f"Its bucket has no “{begin}”")
            day = day_of(str(bucket[begin]))
            read.days.add(day)
            if end in bucket and day_of(str(bucket[end])) > day + timedelta(days=1):
                raise Unclear("Its bucket is about more than a day. Ask for buckets of a day")
        for result in results:
            place += 1
            with read.at(place):
                if not isinstance(result, dict) or begin not in bucket:
                    raise Unclear("It is no object" if begin in bucket else f"Its bucket has no “{begin}”")
                (openai if of_openai else anthropic).read_result(read, place, bucket, result)


def _pages(text: str) -> Iterator[dict[str, Any]]:
    texts = [text]
    if text.count("\n") and text.lstrip()[:1] == "{":
        lines = [line for line in text.split("\n") if line.strip()]
        if all(line.lstrip().startswith("{") and line.rstrip().endswith("}") for line in lines):
            texts = lines
    for one in texts:
        value = _value(one)
        for page in value if isinstance(value, list) else [value]:
            if not isinstance(page, dict):
                raise Unreadable(NO_PAGES)
            yield page


def _value(text: str) -> Any:
    try:
        return json.loads(text, parse_float=Decimal, parse_constant=_no_constant, object_pairs_hook=_object)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise Unreadable(f"It is not whole JSON ({error.msg[:1].lower()}{error.msg[1:]}, {where}).") from error
    except RecursionError:
        raise Unreadable(NO_PAGES) from None
    except Unreadable:
        raise
    except ValueError as error:
        raise Unreadable("It holds a number that nobody can read.") from error


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise Unreadable("It is JSON with a field given twice in one object, so it may mean two things.")
    return found


def _no_constant(name: str) -> NoReturn:
    raise Unreadable(f"It holds {name}, which is no JSON number.")


def _list_of(page: Mapping[str, Any], field: str) -> list[Any]:
    found = page.get(field, [])
    if not isinstance(found, list):
        raise Unreadable(NO_PAGES)
    return found
