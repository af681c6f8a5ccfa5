"""How ``json_schema`` checks: with the ``jsonschema`` package, kept off the network. For the child process alone.

By default the package follows a ``$ref`` to any address, so a schema could reach into the worker's network. Here
references stay inside the schema, and their number is bounded, so that endless ones are named as such.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextvars import ContextVar
from typing import Any

import regex
from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError, ValidationError
from jsonschema.validators import extend
from referencing.exceptions import Unresolvable
from referencing.jsonschema import DRAFT202012, EMPTY_REGISTRY

from engine.spec import pattern_matcher
from engine.spec.pattern_matcher import matches

JsonSchema = dict[str, Any]

MAX_FAULTS = 5
MAX_FAULT_CHARS = 200
DATA_KEYWORDS = frozenset({"const", "enum", "default", "examples"})
"""What they hold is not read as a schema."""
MAX_REFERENCES = 10_000
"""Followed in one check. If each part refers to the next one twice, every part doubles the work."""


def _pattern(validator: Any, pattern: str, instance: object, schema: JsonSchema) -> Iterator[ValidationError]:
    if isinstance(instance, str) and not matches(pattern, instance):
        yield ValidationError(f"{instance[:80]!r} does not match {pattern!r}")


def _pattern_properties(validator: Any, patterns: JsonSchema, instance: object, schema: JsonSchema) -> Iterator[Any]:
    for pattern, part in patterns.items() if isinstance(instance, dict) else ():
        for name, value in instance.items():  # type: ignore[attr-defined]
            if matches(pattern, name):
                yield from validator.descend(value, part, path=name, schema_path=pattern)


def _additional_properties(validator: Any, allowed: Any, instance: object, schema: JsonSchema) -> Iterator[Any]:
    if not isinstance(instance, dict):
        return
    known, patterns = schema.get("properties", {}), schema.get("patternProperties", {})
    extras = [
        name for name in instance if name not in known and not any(matches(pattern, name) for pattern in patterns)
    ]
    if isinstance(allowed, dict):
        for name in extras:
            yield from validator.descend(instance[name], allowed, path=name)
    elif allowed is False and extras:
        names = ", ".join(repr(name[:80]) for name in extras[:MAX_FAULTS])
        yield ValidationError(f"Additional properties are not allowed ({names})")


def _unique_items(validator: Any, wanted: bool, instance: object, schema: JsonSchema) -> Iterator[ValidationError]:
    """In linear time. The package compares each item with each, which takes for ever on a long answer."""
    if wanted and isinstance(instance, list) and len(set(map(_hashable, instance))) < len(instance):
        yield ValidationError("it has equal items")


def _hashable(value: Any) -> Any:
    """The same for equal JSON values, and for no others: 1 equals 1.0 but not true."""
    if isinstance(value, dict):
        return frozenset((name, _hashable(part)) for name, part in value.items())
    if isinstance(value, list):
        return tuple(map(_hashable, value))
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return ("number", str(int(value)) if value == int(value) else repr(value))
    return (type(value).__name__, value)


class _TooManyReferences(Exception):
    pass


_references_followed: ContextVar[int] = ContextVar("references followed in the check under way")


def _counted(keyword: str) -> Any:
    """The package's function for a reference keyword, which here also counts and bounds the references."""
    follow = Draft202012Validator.VALIDATORS[keyword]

    def counting(validator: Any, reference: str, instance: object, schema: JsonSchema) -> Iterator[ValidationError]:
        _references_followed.set(_references_followed.get() + 1)
        if _references_followed.get() > MAX_REFERENCES:
            raise _TooManyReferences
        yield from follow(validator, reference, instance, schema)

    return counting


UNCHECKABLE = (RecursionError, _TooManyReferences, regex.error, OverflowError)
"""What ``errors_in`` raises where data or schema are beyond measure."""

_Validator: Any = extend(  # type: ignore[no-untyped-call]
    Draft202012Validator,
    {
        "pattern": _pattern,
        "patternProperties": _pattern_properties,
        "additionalProperties": _additional_properties,
        "uniqueItems": _unique_items,
        "$ref": _counted("$ref"),
        "$dynamicRef": _counted("$dynamicRef"),
    },
)


def schema_fault(schema: JsonSchema) -> str:
    """See ``json_schema.schema_fault``."""
    try:
        Draft202012Validator.check_schema(schema)
        if fault := _keyword_fault(schema):
            return fault
        # Some faults, such as endless references and bad patterns, show only while something is checked.
        samples: tuple[Any, ...] = ({}, [], "", 0, None)
        for sample in samples:
            _references_followed.set(0)
            list(_validator(schema).iter_errors(sample))
    except SchemaError as error:
        where = "/".join(str(part) for part in error.absolute_path)
        return f"{error.message[:300]} (at /{where})"
    except Unresolvable as error:
        return f"The reference {error.ref!r} leads nowhere."
    except (RecursionError, _TooManyReferences):
        return "It refers to itself without an end, or its references multiply beyond measure."
    except (regex.error, OverflowError) as error:
        return f"A pattern cannot be used: {error}"
    return ""


def _keyword_fault(schema: JsonSchema) -> str:
    """Which keyword of the schema is not supported here, or "". Raises ``Unresolvable`` for references to nothing."""
    resolver = EMPTY_REGISTRY.resolver_with_root(DRAFT202012.create_resource(schema))
    for reference in _references(schema):
        if not reference.startswith("#"):
            return f"It refers to {reference[:80]!r}; only references within the schema (#/$defs/...) are followed."
        resolver.lookup(reference)
    for pattern in _patterns(schema):
        if fault := pattern_matcher.fault(pattern):
            return f"The pattern {pattern[:80]!r} cannot be used: {fault}"
    if {"unevaluatedProperties", "patternProperties"} <= _keywords(schema):
        return "patternProperties and unevaluatedProperties cannot be used together. Use additionalProperties."
    return ""


def misfit(data: Any, schema: JsonSchema) -> str:
    """See ``json_schema.misfit``."""
    faults = []
    _references_followed.set(0)
    try:
        for fault in _validator(schema).iter_errors(data):
            where = "/".join(str(part) for part in fault.absolute_path)
            faults.append(f"at /{where}: {fault.message[:MAX_FAULT_CHARS]}")
            if len(faults) == MAX_FAULTS:
                break
    except RecursionError:
        faults.append("it is nested too deeply")
    except _TooManyReferences:
        faults.append("the schema's references multiply on it beyond measure")
    except regex.error as error:
        faults.append(f"a pattern of the schema cannot be used: {error}")
    except OverflowError:
        faults.append("a number in it is too large")
    return "; ".join(faults)


def errors_in(data: Any, schema: JsonSchema) -> Iterator[ValidationError]:
    """What does not fit, one by one. Raises ``UNCHECKABLE``."""
    _references_followed.set(0)
    yield from _validator(schema).iter_errors(data)


def _references(part: Any) -> Iterator[str]:
    if isinstance(part, dict):
        for name, value in part.items():
            if name in ("$ref", "$dynamicRef") and isinstance(value, str):
                yield value
            else:
                yield from _references(value)
    elif isinstance(part, list):
        for value in part:
            yield from _references(value)


def _patterns(part: Any) -> Iterator[str]:
    """Every pattern at any depth, whether or not a check would come to it."""
    for name, value in part.items() if isinstance(part, dict) else ():
        if name == "pattern" and isinstance(value, str):
            yield value
        elif name == "patternProperties" and isinstance(value, dict):
            yield from value
        if name not in DATA_KEYWORDS:
            yield from _patterns(value)
    for value in part if isinstance(part, list) else ():
        yield from _patterns(value)


def _keywords(part: Any) -> set[str]:
    """Every name in the schema: the keywords that it uses, and names of properties."""
    inner = part.values() if isinstance(part, dict) else part if isinstance(part, list) else ()
    return set(part if isinstance(part, dict) else ()).union(*map(_keywords, inner))


def _validator(schema: JsonSchema) -> Any:
    return _Validator(schema, registry=EMPTY_REGISTRY)
