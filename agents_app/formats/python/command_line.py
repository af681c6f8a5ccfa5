"""What a person gives a script: arguments of the command line, and answers to its questions, with their defaults."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from agents_app.formats.budget import Budget
from agents_app.formats.python.labels import as_label
from agents_app.formats.python.things import MAX_DECORATORS, Function
from agents_app.formats.to_spec.values import (
    ASKED,
    Constant,
    Definition,
    Field,
    Items,
    Mapping,
    Text,
    Unknown,
    Value,
    settled,
)

QUESTIONS = frozenset(
    {"input", "text_input", "text_area", "selectbox", "radio", "select_slider", "number_input", "slider"}
    | {"chat_input", "date_input", "ask", "prompt"}
)
"""Functions that ask whoever runs the script: Python's, Streamlit's, those of rich, click and typer."""
_CHOICES = frozenset({"selectbox", "radio", "select_slider"})
_SECOND_IS_DEFAULT = frozenset({"text_input", "text_area", "prompt"})
_GROUPS = frozenset({"add_argument_group", "add_mutually_exclusive_group", "add_subparsers", "add_parser"})
_FLAGS = {"store_true": False, "store_false": True}
_POLITE = re.compile(
    r"\b(?:please|enter|type|provide|input|choose|select|pick|give|tell|the|an?|your|you|what|which|is|are|do|would|"
    r"like|want|to|in|of|for|me|us|here|should|we|i)\b",
    re.IGNORECASE,
)
_OPTIONS = frozenset({"option", "argument"})
_DECLARED = frozenset({"typer.Option", "typer.Argument", "click.Option", "click.Argument"})


def asked(name: str, args: list[Value], fields: dict[str, Field], budget: Budget) -> Unknown:
    """The answer to a question, which is an input; the question's default is the input's."""
    question = settled(args[0]) if args else Constant(None)
    told_apart = ("asked", question.template) if isinstance(question, Text) else ("asked", budget.file, budget.line)
    given = next((fields[key].value for key in ("value", "default") if key in fields), None)
    if given is None and name in _SECOND_IS_DEFAULT and len(args) > 1:
        given = args[1]
    if name in _CHOICES:
        given = _chosen(args, fields)
    about = _subject(question.template) if isinstance(question, Text) else ""
    return Unknown(ASKED, known=_usable(given), which=budget.number_of(*told_apart), within=about, is_found=True)


def _chosen(args: list[Value], fields: dict[str, Field]) -> Value | None:
    """The option that is chosen until somebody chooses another: the first, unless the source says which."""
    options = settled(args[1]) if len(args) > 1 else settled(fields["options"].value) if "options" in fields else None
    index = settled(fields["index"].value) if "index" in fields else Constant(0)
    number = index.value if isinstance(index, Constant) else None
    if isinstance(options, Items) and isinstance(number, int) and 0 <= number < len(options.items):
        return options.items[number]
    return None


def _subject(question: str) -> str:
    """What a question is about, as a name: ``Enter the topic: `` is about ``topic``."""
    words = re.findall(r"[^\W_]+", _POLITE.sub(" ", re.split(r"[(\[{:?\n]", question[:200], maxsplit=1)[0]))
    return "_".join(word.lower() for word in words[:3])


def _usable(value: Value | None) -> Value | None:
    inner = settled(value) if value is not None else None
    if isinstance(inner, Text):
        return inner if inner.template.strip() else None
    return inner if isinstance(inner, Items) or (isinstance(inner, Constant) and inner.value is not None) else None


def argument(budget: Budget, *position: object) -> Unknown:
    """``sys.argv[1]``."""
    return Unknown(ASKED, which=budget.number_of("argument", *position), is_found=True)


def of_parser(
    parser: Definition, name: str, args: list[Value], fields: dict[str, Field], budget: Budget
) -> Value | None:
    """The methods of ``argparse.ArgumentParser``, which holds what was declared in its fields; None for others."""
    if not parser.path.endswith("ArgumentParser"):
        return None
    if name in _GROUPS:
        return parser
    if name == "add_argument":
        declared = _declared(args, fields)
        parser.args = [*parser.args, *([Field(declared)] if declared else [])]
        budget.pay_elements(len(parser.args))
        return Constant(None)
    if name == "set_defaults":
        parser.args = [*parser.args, *(Field(Unknown(key, known=_usable(f.value))) for key, f in fields.items())]
        budget.pay_elements(len(parser.args))
        return Constant(None)
    if name in ("parse_args", "parse_known_args"):
        values = [entry.value for entry in parser.args if isinstance(entry.value, Unknown)]
        budget.pay_elements(len(values))
        given = Definition("other", "argparse.Namespace", parser.place, {value.label: Field(value) for value in values})
        return given if name == "parse_args" else Items([given, Items([])])
    return None


def _declared(args: list[Value], fields: dict[str, Field]) -> Unknown | None:
    """What ``add_argument("--topic", default="AI")`` declares: an input."""
    names = [inner.template for arg in args if isinstance(inner := settled(arg), Text)]
    long = [name for name in names if not name.startswith("-")] or [name for name in names if name.startswith("--")]
    target = settled(fields["dest"].value) if "dest" in fields else None
    name = target.template if isinstance(target, Text) else (long or names or [""])[0]
    if not name.strip("-"):
        return None
    action = settled(fields["action"].value) if "action" in fields else None
    flag = _FLAGS.get(action.template) if isinstance(action, Text) else None
    given = fields["default"].value if "default" in fields else Constant(flag) if flag is not None else None
    return Unknown(as_label(name.strip("-").replace("-", "_")), known=_usable(given))


def namespace_as_mapping(value: Value) -> Mapping | None:
    """``vars(args)``."""
    is_given = isinstance(value, Definition) and value.path == "argparse.Namespace"
    return Mapping(value.fields, value.place) if is_given and isinstance(value, Definition) else None


def options_of(function: Function) -> Iterator[tuple[str, Value]]:
    """The defaults that decorators of click give a function's parameters."""
    for decorator in function.node.decorator_list[:MAX_DECORATORS]:
        called = decorator.func if isinstance(decorator, ast.Call) else None
        if isinstance(decorator, ast.Call) and isinstance(called, ast.Attribute) and called.attr in _OPTIONS:
            args = [function.frame.evaluate(arg) for arg in decorator.args]
            fields = {
                keyword.arg: Field(function.frame.evaluate(keyword.value))
                for keyword in decorator.keywords
                if keyword.arg in ("default", "dest")
            }
            declared = _declared(args, {name: field for name, field in fields.items() if name})
            if declared is not None:
                yield declared.label, declared


def as_parameter(name: str, default: Value) -> Value:
    """A parameter's default; of ``typer.Option("AI")`` an input with the default that it declares."""
    if isinstance(default, Definition) and default.path in _DECLARED:
        first = default.args[0].value if default.args else None
        given = default.fields["default"].value if "default" in default.fields else first
        return Unknown(name, known=_usable(given))
    return default
