"""How ``json_schema`` checks: the ``jsonschema`` package, kept from the network and from running for ever.

The package follows a ``$ref`` to the network by default, which would let a schema reach into the
worker's network; here references stay inside the schema. Patterns run under a time limit.
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

from engine.json_schema import Schema, matches

MAX_FAULTS = 5
MAX_FAULT_CHARS = 200
MAX_REFERENCES = 10_000
"""Followed in one check. Parts that refer twice to parts that refer twice would double the work with each of them."""


def _pattern(validator: Any, pattern: str, instance: object, schema: Schema) -> Iterator[ValidationError]:
    if isinstance(instance, str) and not matches(pattern, instance):
        yield ValidationError(f"{instance[:80]!r} does not match {pattern!r}")


class _TooManyReferences(Exception):
    pass


_followed: ContextVar[list[None]] = ContextVar("references followed in this check")


def _counted(keyword: str) -> Any:
    follow = Draft202012Validator.VALIDATORS[keyword]

    def counting(validator: Any, reference: str, instance: object, schema: Schema) -> Iterator[ValidationError]:
        followed = _followed.get()
        followed.append(None)
        if len(followed) > MAX_REFERENCES:
            raise _TooManyReferences
        yield from follow(validator, reference, instance, schema)

    return counting


_Validator: Any = extend(  # type: ignore[no-untyped-call]
    Draft202012Validator,
    {"pattern": _pattern, "$ref": _counted("$ref"), "$dynamicRef": _counted("$dynamicRef")},
)


def schema_fault(schema: Schema) -> str:
    """See ``json_schema.schema_fault``."""
    try:
        Draft202012Validator.check_schema(schema)
        resolver = EMPTY_REGISTRY.resolver_with_root(DRAFT202012.create_resource(schema))
        for reference in _references(schema):
            if not reference.startswith("#"):
                return f"It refers to {reference[:80]!r}; only references within the schema (#/$defs/...) are followed."
            resolver.lookup(reference)
        samples: tuple[Any, ...] = ({}, [], "", 0, None)
        for sample in samples:
            _followed.set([])
            list(_validator(schema).iter_errors(sample))
    except SchemaError as error:
        where = "/".join(str(part) for part in error.absolute_path)
        return f"{error.message[:300]} (at /{where})"
    except Unresolvable as error:
        return f"The reference {error.ref!r} leads nowhere."
    except (RecursionError, _TooManyReferences):
        return "It refers to itself without an end, or its references multiply beyond measure."
    except (regex.error, TimeoutError) as error:
        return f"A pattern cannot be used: {error}"
    return ""


def misfit(data: Any, schema: Schema) -> str:
    """See ``json_schema.misfit``."""
    faults = []
    _followed.set([])
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
    except TimeoutError:
        faults.append("a pattern of the schema took too long on it")
    return "; ".join(faults)


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


def _validator(schema: Schema) -> Any:
    return _Validator(schema, registry=EMPTY_REGISTRY)
