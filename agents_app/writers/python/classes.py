"""JSON Schemas as classes of pydantic, as far as classes can say them. What a class lacks is said.

A property that may be left out and has no default is written ``x: str = None``: the field may be missing, and null is
not one of its values.
"""

from __future__ import annotations

import inspect
import json
import keyword
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from agents_app.writers.expressions import Call, Expression, Index, Name
from agents_app.writers.identifiers import MAX_STEM, TAKEN, Names, class_name, snake_name
from agents_app.writers.python.layout import written
from agents_app.writers.python.texts import WIDTH, comment, literal, unprintable

Json = dict[str, Any]

_FORMATS = {"date-time": "datetime", "date": "date", "time": "time", "uuid": "UUID", "uri": "AnyUrl"}
_HOMES = {
    "datetime": "datetime",
    "date": "datetime",
    "time": "datetime",
    "UUID": "uuid",
    "AnyUrl": "pydantic",
    "Any": "typing",
    "Annotated": "typing",
    "Literal": "typing",
    "Optional": "typing",
    "Union": "typing",
}
_PLAIN = {"string": "str", "integer": "int", "number": "float", "boolean": "bool", "null": "None"}
_BOUNDS = {
    "string": {"minLength": "min_length", "maxLength": "max_length", "pattern": "pattern"},
    "integer": {"minimum": "ge", "exclusiveMinimum": "gt", "maximum": "le", "exclusiveMaximum": "lt"},
    "array": {"minItems": "min_length", "maxItems": "max_length"},
}
_BOUNDS["integer"]["multipleOf"] = "multiple_of"
_BOUNDS["number"] = _BOUNDS["integer"]
_SAID_OF_FIELDS = {"title": "title", "description": "description", "examples": "examples"}
_NO_FIELD = frozenset({*dir(object), "model_config", "model_fields", "model_computed_fields", "model_extra"})
MAX_DEPTH = 60
MISSING = object()


@dataclass(slots=True)
class Classes:
    """The classes of a file. ``lines``: their source, each class after those that it uses; ``imports``: by module.

    ``made``: the class of each schema, as JSON, so that the same one is written once.
    """

    names: Names
    lines: list[str] = field(default_factory=list)
    imports: dict[str, set[str]] = field(default_factory=dict)
    lacking: dict[str, None] = field(default_factory=dict)
    made: dict[str, str] = field(default_factory=dict)

    def add(self, schema: Json, *, fallback: str) -> str | None:
        """The class of a task's output schema; None if no class can say it. ``lacking`` is what it does not say."""
        self.lacking = {}
        root = _inlined(schema)
        if isinstance(root, dict) and root.get("type") == "array":
            return self._list_class(root, fallback=fallback)
        if not isinstance(root, dict) or root.get("type") != "object" or not isinstance(root.get("properties"), dict):
            return None
        return self._class(root, fallback=fallback, path="", depth=0)

    def use(self, module: str, name: str) -> None:
        self.imports.setdefault(module, set()).add(name)

    def _class(self, schema: Json, *, fallback: str, path: str, depth: int) -> str:
        own, content = _title(schema), json.dumps(schema)
        if content in self.made:
            return self.made[content]
        name = self.made[content] = self._name(own, fallback)
        self.use("pydantic", "BaseModel")
        body = [*self._docstring(schema, path), *self._settings(schema, path, title=own if own != name else "")]
        fields: set[str] = set()
        required = schema.get("required")
        needed = set(map(str, required)) if isinstance(required, list) else set()
        for key, part in schema["properties"].items():
            body.extend(self._field(key, part, fields, key in needed, path=f"{path}.{key}".lstrip("."), depth=depth))
        for key in sorted(needed - schema["properties"].keys()):
            self._lacks(path, f"required {key!r}")
        known = {"type", "title", "description", "properties", "required", "additionalProperties"}
        self._say_unknown(schema, known, path)
        self.lines += ["", "", f"class {name}(BaseModel):", *(body or ["    pass"])]
        return name

    def _name(self, title: str, fallback: str) -> str:
        instead = class_name(title or fallback, fallback="Output")
        return self.names.take(title if len(title) <= MAX_STEM else "", instead=instead)

    def _list_class(self, schema: Json, *, fallback: str) -> str:
        """A list at the top, as a class whose objects are lists."""
        own, content = _title(schema), json.dumps(schema)
        if content in self.made:
            return self.made[content]
        name = self.made[content] = self._name(own, fallback)
        if own not in ("", name):
            self._lacks("", "title")
        part = {word: value for word, value in schema.items() if word not in ("title", "description")}
        kind = self._inner(part, fallback=f"{name}Entry", path="", depth=0)
        self.use("pydantic", "RootModel")
        body = self._docstring(schema, "") or ["    pass"]
        head = f"class {name}(RootModel[{written(kind, indent=0, before=len(name) + 17, after=3)}]):"
        self.lines += ["", "", head, *(line for line in body if line)]
        return name

    def _docstring(self, schema: Json, path: str) -> list[str]:
        text = schema.get("description")
        if not isinstance(text, str) or not text.strip():
            return []
        if inspect.cleandoc(text) != text:
            self._lacks(path, "the blanks around its description")
        plain = text.isprintable() and not {'"', "\\"} & set(text) and len(text) < WIDTH - 10
        return [f'    """{text}"""' if plain else f"    {written(text, indent=4)}", ""]

    def _settings(self, schema: Json, path: str, *, title: str) -> list[str]:
        others = schema.get("additionalProperties", MISSING)
        settings: dict[str, Expression] = {"title": title} if title else {}
        if isinstance(others, bool):
            settings["extra"] = "allow" if others else "forbid"
        elif others is not MISSING:
            self._lacks(path, "additionalProperties")
        if any(isinstance(part, dict) and "pattern" in part for part in schema["properties"].values()):
            settings["regex_engine"] = "python-re"
        if not settings:
            return []
        self.use("pydantic", "ConfigDict")
        return [f"    model_config = {written(Call('ConfigDict', settings), indent=4, before=15)}", ""]

    def _field(self, key: str, schema: Any, fields: set[str], needed: bool, *, path: str, depth: int) -> list[str]:
        name = self._field_name(key, fields)
        rules: dict[str, Expression] = {}
        kind = self._type(schema, rules, fallback=class_name(key, fallback="Part"), path=path, depth=depth + 1)
        if isinstance(schema, dict):
            rules |= {ours: schema[theirs] for theirs, ours in _SAID_OF_FIELDS.items() if self._says(schema, theirs)}
        default = schema.get("default", MISSING) if isinstance(schema, dict) else MISSING
        if needed and default is not MISSING:
            self._lacks(path, "its default, since it is required")
            default = MISSING
        if default is MISSING and not needed:
            default = None
        if rules and default is not MISSING:
            rules = {"default": default, **rules}
        value = self._value(_in_order(rules, schema), default, alias=key if name != key else "")
        line = f"    {name}: {written(kind, indent=4, before=len(name) + 2, after=8)}"
        if value is MISSING:
            return [line]
        before = len(line.rsplit("\n", 1)[-1]) - 4 + 3
        return [f"{line} = {written(value, indent=4, before=before)}"]

    def _field_name(self, key: str, fields: set[str]) -> str:
        wanted = key.isascii() and key.isidentifier() and not key.startswith(("_", "model_")) and key not in _NO_FIELD
        name = key if wanted and key not in _SHADOWS and key not in fields and not keyword.iskeyword(key) else ""
        stem = snake_name(key, fallback="field")
        stem = f"{stem}_field" if stem in _SHADOWS or stem in TAKEN or stem.startswith("model_") else stem
        number = 1
        while not name or name in fields:
            name = stem if number == 1 else f"{stem}_{number}"
            number += 1
        fields.add(name)
        return name

    def _value(self, rules: dict[str, Expression], default: Any, *, alias: str) -> Any:
        """What stands behind a field's ``=``; ``MISSING`` for nothing."""
        if alias:
            rules = {**({} if rules or default is MISSING else {"default": default}), **rules, "alias": alias}
        if not rules:
            return default
        self.use("pydantic", "Field")
        return Call("Field", rules)

    def _type(self, schema: Any, rules: dict[str, Expression], *, fallback: str, path: str, depth: int) -> Expression:
        """The type of a value. ``rules`` gets what belongs into its ``Field``."""
        if not isinstance(schema, dict) or depth > MAX_DEPTH:
            if schema is not True:
                self._lacks(path, "all of its schema")
            return self._named("Any")
        if "enum" in schema or "const" in schema:
            return self._choice(schema, path)
        options = schema.get("anyOf", schema.get("oneOf"))
        kinds = schema.get("type")
        if isinstance(options, list) and options and kinds is None:
            if "anyOf" not in schema:
                self._lacks(path, "that one option alone may fit")
            self._say_unknown(schema, {"anyOf", "oneOf", *_NOTES}, path)
            return self._union(options, fallback=fallback, path=path, depth=depth)
        if isinstance(kinds, list):
            parts = [{**schema, "type": kind} for kind in kinds]
            return self._union(parts, fallback=fallback, path=path, depth=depth)
        return self._of_kind(kinds, schema, rules, fallback=fallback, path=path, depth=depth)

    def _of_kind(
        self, kind: Any, schema: Json, rules: dict[str, Expression], *, fallback: str, path: str, depth: int
    ) -> Expression:
        if kind == "object":
            return self._object(schema, fallback=fallback, path=path, depth=depth)
        bounds = _BOUNDS.get(kind, {}) if isinstance(kind, str) else {}
        for theirs, ours in bounds.items():
            if theirs in schema and self._fits(theirs, schema[theirs], path):
                rules[ours] = schema[theirs]
        if kind == "array":
            return self._array(schema, rules, fallback=fallback, path=path, depth=depth)
        known = {"type", *bounds, *_NOTES}
        if kind == "string" and schema.get("format") in _FORMATS and not rules:
            self._say_unknown(schema, {*known, "format"}, path)
            return self._named(_FORMATS[schema["format"]])
        self._say_unknown(schema, known, path)
        if isinstance(kind, str) and kind in _PLAIN:
            return Name(_PLAIN[kind])
        return self._named("Any")

    def _object(self, schema: Json, *, fallback: str, path: str, depth: int) -> Expression:
        if _is_class(schema):
            return Name(self._class(schema, fallback=fallback, path=path, depth=depth))
        others = schema.get("additionalProperties", MISSING)
        self._say_unknown(schema, {"type", "properties", "additionalProperties", *_NOTES}, path)
        if isinstance(others, dict):
            return Index("dict", [Name("str"), self._inner(others, fallback=fallback, path=path, depth=depth)])
        if others is False:
            self._lacks(path, "additionalProperties")
        return Name("dict")

    def _array(self, schema: Json, rules: dict[str, Expression], *, fallback: str, path: str, depth: int) -> Expression:
        parts, items = schema.get("prefixItems"), schema.get("items", MISSING)
        known = {"type", "items", "prefixItems", "uniqueItems", "minItems", "maxItems", *_NOTES}
        self._say_unknown(schema, known, path)
        if isinstance(parts, list) and parts and schema.get("minItems") == schema.get("maxItems") == len(parts):
            rules.clear()
            return Index("tuple", [self._inner(part, fallback=fallback, path=path, depth=depth) for part in parts])
        if parts is not None:
            self._lacks(path, "prefixItems")
        unique = schema.get("uniqueItems") is True
        scalar = isinstance(items, dict) and items.get("type") in _PLAIN
        if unique and not scalar:
            self._lacks(path, "uniqueItems")
        name = "set" if unique and scalar else "list"
        if items is MISSING:
            return Name(name)
        return Index(name, [self._inner(items, fallback=fallback, path=f"{path}[]", depth=depth)])

    def _inner(self, schema: Any, *, fallback: str, path: str, depth: int) -> Expression:
        """The type of a part of a value, whose bounds stand in ``Annotated``."""
        rules: dict[str, Expression] = {}
        kind = self._type(schema, rules, fallback=fallback, path=path, depth=depth + 1)
        if isinstance(schema, dict):
            rules |= {ours: schema[theirs] for theirs, ours in _SAID_OF_FIELDS.items() if self._says(schema, theirs)}
            if "default" in schema:
                self._lacks(path, "its default")
        if not rules:
            return kind
        self.use("pydantic", "Field")
        return Index(self._named("Annotated").text, [kind, Call("Field", _in_order(rules, schema))])

    def _union(self, options: list[Any], *, fallback: str, path: str, depth: int) -> Expression:
        kinds = [self._inner(option, fallback=fallback, path=path, depth=depth) for option in options]
        others = [kind for kind in kinds if kind != Name("None")]
        if len(kinds) == 1:
            return kinds[0]
        if len(others) == 1 and len(kinds) == 2 and kinds[1] == Name("None"):
            return Index(self._named("Optional").text, others)
        return Index(self._named("Union").text, kinds)

    def _choice(self, schema: Json, path: str) -> Expression:
        values = schema["enum"] if "enum" in schema else [schema["const"]]
        self._say_unknown(schema, {"enum", "const", "type", *_NOTES}, path)
        plain = isinstance(values, list) and values
        if not plain or not all(value is None or isinstance(value, str | int) for value in values):
            self._lacks(path, "enum")
            return self._named("Any")
        return Index(self._named("Literal").text, values)

    def _named(self, name: str) -> Name:
        self.use(_HOMES[name], name)
        return Name(name)

    def _says(self, schema: Json, word: str) -> bool:
        """Whether a title, a description or examples go into a field: those of a class stand in the class."""
        value = schema.get(word)
        if value is None or _is_class(schema):
            return False
        return isinstance(value, list if word == "examples" else str)

    def _fits(self, bound: str, value: Any, path: str) -> bool:
        """Whether pydantic takes the value of a bound."""
        wanted: tuple[type, ...] = (int,) if bound.endswith(("Length", "Items")) else (int, float)
        is_fit = isinstance(value, (str,) if bound == "pattern" else wanted) and not isinstance(value, bool)
        if not is_fit:
            self._lacks(path, bound)
        return is_fit

    def _say_unknown(self, schema: Json, known: set[str], path: str) -> None:
        for word in sorted(schema.keys() - known):
            self._lacks(path, word)

    def _lacks(self, path: str, what: str) -> None:
        self.lacking[f"{path}: {what}" if path else what] = None


_NOTES = frozenset({"title", "description", "examples", "default"})
_SHADOWS = frozenset(
    {"json", "dict", "copy", "schema", "construct", "fields", "validate", "parse_obj", "parse_raw", "parse_file"}
    | {"from_orm", "schema_json", "update_forward_refs", "Field", "None", "True", "False"}
    | set(_HOMES)
    | set(_PLAIN.values())
)
"""Fields of these names hide what a class has by itself, or types that later fields of the class name."""


def _title(schema: Json) -> str:
    title = schema.get("title")
    return title if isinstance(title, str) else ""


def _is_class(schema: Json) -> bool:
    """Whether an object's properties are named, so that a class can have them."""
    properties = schema.get("properties")
    if schema.get("type") != "object" or not isinstance(properties, dict):
        return False
    return bool(properties) or not isinstance(schema.get("additionalProperties"), dict)


def _in_order(rules: dict[str, Expression], schema: Any) -> dict[str, Expression]:
    """The rules in the order of the schema, which a model may read in it."""
    names = {theirs: ours for bounds in (*_BOUNDS.values(), _SAID_OF_FIELDS) for theirs, ours in bounds.items()}
    order = [names.get(word, word) for word in schema] if isinstance(schema, dict) else []
    return {name: rules[name] for name in sorted(rules, key=lambda name: order.index(name) if name in order else -1)}


def _inlined(schema: Json) -> Any:
    """The schema with ``#/$defs/...`` written out where it is used; what uses itself stays as it is."""
    homes = {name: schema[name] for name in ("$defs", "definitions") if isinstance(schema.get(name), dict)}
    if not homes:
        return schema
    budget = [20_000]

    def resolved(value: Any, open_refs: tuple[str, ...]) -> Any:
        budget[0] -= 1
        if budget[0] < 0 or len(open_refs) > MAX_DEPTH:
            return value
        if isinstance(value, list):
            return [resolved(part, open_refs) for part in value]
        if not isinstance(value, dict):
            return value
        ref = value.get("$ref")
        if isinstance(ref, str) and ref.count("/") == 2 and ref.startswith("#/") and ref not in open_refs:
            _, home, name = ref.split("/")
            target = homes.get(home, {}).get(name)
            if isinstance(target, Mapping):
                others = {key: part for key, part in value.items() if key != "$ref"}
                return resolved({**target, **others}, (*open_refs, ref))
        return {key: resolved(part, open_refs) for key, part in value.items()}

    return resolved({key: part for key, part in schema.items() if key not in homes}, ())


def schema_comment(schema: Json, *, indent: int = 0) -> list[str]:
    """The schema as lines of a comment."""
    text = json.dumps(schema, ensure_ascii=False)
    shown = "".join(char if char.isprintable() else unprintable(char) for char in text)
    return comment(shown, indent=indent)


def quoted(text: str) -> str:
    """A text for a remark, on one line."""
    return literal(text if len(text) <= 80 else f"{text[:77]}...")
