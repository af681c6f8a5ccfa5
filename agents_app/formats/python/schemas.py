"""Turns a pydantic class, dataclass, TypedDict or Enum of the source into JSON Schema, from its text alone.

Nested classes are written out in place, because not every provider accepts references.
"""

from __future__ import annotations

import ast
import json
from dataclasses import dataclass, replace
from typing import Any

from agents_app.formats.budget import Budget
from agents_app.formats.python.field_rules import rules_of
from agents_app.formats.python.labels import source_of
from agents_app.formats.python.texts import reshaped
from agents_app.formats.python.things import ENUMS, Annotation, Class, decorators, type_name
from agents_app.formats.python_tree import parsed
from agents_app.formats.report import Place, Report
from agents_app.formats.to_spec.fields import data_of
from agents_app.formats.to_spec.values import Definition, Mapping, Text, literal_text

Json = dict[str, Any]

_SIMPLE: dict[str, Json] = {
    "str": {"type": "string"},
    "AnyStr": {"type": "string"},
    "StrictStr": {"type": "string"},
    "bytes": {"type": "string"},
    "int": {"type": "integer"},
    "StrictInt": {"type": "integer"},
    "PositiveInt": {"type": "integer", "exclusiveMinimum": 0},
    "NonNegativeInt": {"type": "integer", "minimum": 0},
    "float": {"type": "number"},
    "StrictFloat": {"type": "number"},
    "PositiveFloat": {"type": "number", "exclusiveMinimum": 0},
    "NonNegativeFloat": {"type": "number", "minimum": 0},
    "Decimal": {"type": "number"},
    "bool": {"type": "boolean"},
    "StrictBool": {"type": "boolean"},
    "None": {"type": "null"},
    "NoneType": {"type": "null"},
    "datetime": {"type": "string", "format": "date-time"},
    "date": {"type": "string", "format": "date"},
    "time": {"type": "string", "format": "time"},
    "UUID": {"type": "string", "format": "uuid"},
    "HttpUrl": {"type": "string", "format": "uri"},
    "AnyUrl": {"type": "string", "format": "uri"},
    "AnyHttpUrl": {"type": "string", "format": "uri"},
    "EmailStr": {"type": "string", "format": "email"},
    "Path": {"type": "string"},
    "Any": {},
    "object": {},
    "list": {"type": "array"},
    "List": {"type": "array"},
    "tuple": {"type": "array"},
    "Tuple": {"type": "array"},
    "set": {"type": "array", "uniqueItems": True},
    "Set": {"type": "array", "uniqueItems": True},
    "frozenset": {"type": "array", "uniqueItems": True},
    "FrozenSet": {"type": "array", "uniqueItems": True},
    "Sequence": {"type": "array"},
    "Iterable": {"type": "array"},
    "conlist": {"type": "array"},
    "constr": {"type": "string"},
    "conint": {"type": "integer"},
    "confloat": {"type": "number"},
    "dict": {"type": "object"},
    "Dict": {"type": "object"},
    "Mapping": {"type": "object"},
}
_WRAPPERS = frozenset({"Annotated", "Required", "NotRequired", "Final", "ReadOnly"})


@dataclass(frozen=True, slots=True)
class _Scope:
    """Where annotations are looked up, and the classes and named types that are being written out already."""

    cls: Class
    report: Report
    open: tuple[Class, ...]
    aliases: tuple[ast.expr, ...] = ()

    @property
    def budget(self) -> Budget:
        return self.cls.frame.world.budget

    def place(self, node: ast.AST) -> Place:
        return self.cls.frame.place(node)


def schema_of(cls: Class, report: Report, *, within: tuple[Class, ...] = ()) -> Json:
    """The JSON Schema of a class. A type that is not understood allows anything, and is reported."""
    if cls.is_enum:
        return _enum(cls)
    if cls in within:
        message = f"The class {cls.name} contains itself: at that place any object is allowed."
        report.warn(cls.frame.place(cls.node), message)
        return {"type": "object"}
    root = _root(cls, report, within)
    if root is not None:
        return root
    properties: Json = {}
    required: dict[str, None] = {}
    for ancestor in reversed(list(cls.ancestors())):
        if isinstance(ancestor, Class):
            scope = _Scope(ancestor, report, (*within, cls))
            for name, field_schema, is_required in _declared(scope):
                properties[name] = field_schema
                required.pop(name, None)
                required |= {name: None} if is_required else {}
    schema: Json = {"type": "object", "title": cls.name, "properties": properties}
    schema |= _described(cls)
    if _refuses_more(cls):
        schema["additionalProperties"] = False
    return {**schema, "required": list(required)} if required else schema


def _described(cls: Class) -> Json:
    description = ast.get_docstring(cls.node, clean=False)
    if not description or not description.strip():
        return {}
    return {"description": reshaped("cleandoc", Text(description), cls.frame.world.budget).template}


def _root(cls: Class, report: Report, within: tuple[Class, ...]) -> Json | None:
    """The schema of a ``RootModel[...]``, which is that of what it holds; None for other classes."""
    scope = _Scope(cls, report, (*within, cls))
    for base in cls.ancestors():
        if isinstance(base, Annotation) and _name(base.node) == "RootModel" and isinstance(base.node, ast.Subscript):
            return {**_typed(base.node.slice, scope), "title": cls.name, **_described(cls)}
    if cls.inherits("RootModel"):
        declared = {name: schema for name, schema, _ in _declared(scope)}
        return {**declared["root"], "title": cls.name} if "root" in declared else None
    return None


def _refuses_more(cls: Class) -> bool:
    """``model_config = ConfigDict(extra="forbid")``, the same in ``class Config``, or as the class's own keyword."""
    for ancestor in cls.ancestors():
        if not isinstance(ancestor, Class):
            continue
        given = [keyword.value for keyword in ancestor.node.keywords if keyword.arg == "extra"]
        config = ancestor.body.names.get("model_config")
        settings = config.fields if isinstance(config, Definition | Mapping) else {}
        older = ancestor.body.names.get("Config")
        value = (
            ancestor.frame.evaluate(given[0])
            if given
            else settings["extra"].value
            if "extra" in settings
            else older.body.names.get("extra")
            if isinstance(older, Class)
            else None
        )
        if value is not None:
            return literal_text(value, cls.frame.world.budget) == "forbid"
    return False


def _declared(scope: _Scope) -> list[tuple[str, Json, bool]]:
    """The fields of a class body: name, schema, and whether the field is required."""
    declared = []
    for node in scope.cls.node.body:
        if not isinstance(node, ast.AnnAssign) or not isinstance(node.target, ast.Name):
            continue
        scope.budget.at(scope.place(node))
        scope.budget.pay_steps()
        scope.budget.pay_elements(20)  # classes within classes can double the schema at each level
        name = node.target.id
        if name.startswith("_") or name == "model_config" or _name(node.annotation) == "ClassVar":
            continue
        schema = _typed(node.annotation, scope)
        rules = rules_of(node.value, schema, scope.cls.frame)
        optional = rules.has_default or _name(node.annotation) == "NotRequired"
        declared.append((rules.alias or name, {**schema, **rules.schema}, not optional))
    return declared


def _enum(cls: Class) -> Json:
    values = []
    for node in cls.node.body:
        if isinstance(node, ast.Assign):
            try:
                values.append(data_of(cls.frame.evaluate(node.value), cls.frame.world.budget))
            except ValueError:
                values.extend(target.id.lower() for target in node.targets if isinstance(target, ast.Name))
    kinds = {"integer" if isinstance(value, int) else "string" for value in values}
    return {"title": cls.name, "enum": values} | ({"type": kinds.pop()} if len(kinds) == 1 else {})


def _typed(node: ast.expr, scope: _Scope) -> Json:
    scope.budget.pay_steps()
    if isinstance(node, ast.Constant):
        return _quoted(node, scope)
    if isinstance(node, ast.Name | ast.Attribute):
        return _named(node, scope)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        return _union([node.left, node.right], scope)
    if isinstance(node, ast.Subscript):
        return _generic(node, scope)
    if isinstance(node, ast.Call) and _name(node.func) in _SIMPLE:
        schema = dict(_SIMPLE[_name(node.func)])
        if _name(node.func) == "conlist" and node.args:
            schema["items"] = _typed(node.args[0], scope)
        return {**schema, **rules_of(node, schema, scope.cls.frame).schema}
    return _anything(node, scope)


def _quoted(node: ast.Constant, scope: _Scope) -> Json:
    if node.value is None:
        return {"type": "null"}
    try:
        written = str(node.value)
        scope.budget.pay_steps(len(written) // 10)
        return _typed(parsed(written, mode="eval").body, scope)
    except (SyntaxError, ValueError):
        return _anything(node, scope)


def _named(node: ast.Name | ast.Attribute, scope: _Scope) -> Json:
    value = scope.cls.frame.lookup(node.id) if isinstance(node, ast.Name) else scope.cls.frame.evaluate(node)
    if isinstance(value, Class):
        return _nested(value, scope)
    if isinstance(value, Annotation):
        return _aliased(value, scope, node)
    name = type_name(value) if value is not None else _name(node)
    return dict(_SIMPLE[name]) if name in _SIMPLE else _anything(node, scope)


def _aliased(alias: Annotation, scope: _Scope, node: ast.expr) -> Json:
    """A type that the source has given a name; one that holds itself allows anything."""
    if alias.node in scope.aliases:
        return _anything(node, scope)
    cls = Class(scope.cls.node, alias.frame, scope.cls.body, scope.cls.bases)
    return _typed(alias.node, replace(scope, cls=cls, aliases=(*scope.aliases, alias.node)))


def _nested(cls: Class, scope: _Scope) -> Json:
    is_data = cls.inherits("BaseModel", "TypedDict", "NamedTuple", *ENUMS) or "dataclass" in decorators(cls.node)
    return schema_of(cls, scope.report, within=scope.open) if is_data else {"type": "object", "title": cls.name}


def _generic(node: ast.Subscript, scope: _Scope) -> Json:
    name = _name(node.value)
    args = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
    if not args:
        return _anything(node, scope)
    if name == "Optional":
        return _union([args[0], ast.Constant(None)], scope)
    if name == "Union":
        return _union(args, scope)
    if name == "Literal":
        return _literal(args, scope)
    if name in _WRAPPERS and args:
        schema = _typed(args[0], scope)
        for extra in args[1:]:
            schema = {**schema, **rules_of(extra, schema, scope.cls.frame).schema}
        return schema
    return _container(node, name, args, scope)


def _container(node: ast.Subscript, name: str, args: list[ast.expr], scope: _Scope) -> Json:
    base = dict(_SIMPLE.get(name, {}))
    if base.get("type") == "array":
        return _array(base, name, args, scope)
    if base.get("type") == "object":
        return {**base, "additionalProperties": _typed(args[1], scope)} if len(args) == 2 else base
    return _anything(node, scope)


def _array(base: Json, name: str, args: list[ast.expr], scope: _Scope) -> Json:
    if name.lower() == "tuple" and not (len(args) == 2 and isinstance(args[1], ast.Constant) and args[1].value is ...):
        parts = [_typed(arg, scope) for arg in args]
        return {**base, "prefixItems": parts, "minItems": len(parts), "maxItems": len(parts)}
    return {**base, "items": _typed(args[0], scope)}


def _union(nodes: list[ast.expr], scope: _Scope) -> Json:
    options: dict[str, Json] = {}
    for node in nodes:
        schema = _typed(node, scope)
        for option in schema.get("anyOf", [schema]):
            written = json.dumps(option, sort_keys=True)
            scope.budget.pay_steps()
            scope.budget.pay_chars(len(written))
            options.setdefault(written, option)
    return {"anyOf": list(options.values())} if len(options) > 1 else next(iter(options.values()))


def _literal(nodes: list[ast.expr], scope: _Scope) -> Json:
    values: list[Any] = []
    for node in nodes:
        try:
            values.append(data_of(scope.cls.frame.evaluate(node), scope.budget))
        except ValueError:
            return _anything(node, scope)
    kinds = {type(value) for value in values}
    names = {str: "string", int: "integer", bool: "boolean", float: "number"}
    kind = names.get(kinds.pop()) if len(kinds) == 1 else None
    return {"enum": values} | ({"type": kind} if kind else {})


def _anything(node: ast.expr, scope: _Scope) -> Json:
    written = source_of(node, scope.budget)
    message = f"The type `{written}` in the class {scope.cls.name} was not understood: any value is allowed there."
    scope.report.warn(scope.place(node), message)
    return {}


def _name(node: ast.expr) -> str:
    if isinstance(node, ast.Subscript):
        return _name(node.value)
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""
