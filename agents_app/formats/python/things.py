"""What a Python source has beside plain values: functions, classes, their instances, and modules of the project."""

from __future__ import annotations

import ast
import re
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from agents_app.formats.python.frames import Frame, FunctionNode
from agents_app.formats.to_spec.known_tools import SERVERS
from agents_app.formats.to_spec.llms import PREFIX_BY_CLASS
from agents_app.formats.to_spec.values import Definition, Field, Outside, Unknown, Value, settled

MAX_NAME = 200
TYPES = frozenset(
    {"Literal", "Optional", "Union", "Annotated", "RootModel", "Final", "Required", "NotRequired"}
    | {"list", "List", "tuple", "Tuple", "set", "Set", "frozenset", "FrozenSet", "dict", "Dict", "Mapping"}
    | {"Sequence", "Iterable"}
)
"""Names of types that take others in brackets."""
SUBCLASSED = frozenset({"Agent", "Task", "ConditionalTask", "Crew", "LLM"})
ENUMS = ("Enum", "StrEnum", "IntEnum")
MAX_DECORATORS = 20


@dataclass(slots=True, eq=False)
class Function(Value):
    """A function of the source; ``frame`` is where it is defined, ``owner`` the object or class it was looked up on."""

    node: FunctionNode
    frame: Frame
    owner: Value | None = None

    @property
    def name(self) -> str:
        return self.node.name

    def decorated(self, name: str) -> bool:
        return name in decorators(self.node)


@dataclass(slots=True, eq=False)
class Class(Value):
    """A class of the source; ``frame`` is where it stands, ``body`` holds the names of its body.

    ``made_of_it``: classes that have it as a base.
    """

    node: ast.ClassDef
    frame: Frame
    body: Frame
    bases: list[Value] = field(default_factory=list)
    made_of_it: list[Class] = field(default_factory=list)

    @property
    def name(self) -> str:
        return self.node.name

    def ancestors(self) -> Iterator[Value]:
        """Itself and its bases, nearest first, each once. Each but the first costs a step."""
        seen = {id(self)}
        waiting: deque[Value] = deque([self])
        while waiting:
            value = waiting.popleft()
            yield value
            for base in value.bases if isinstance(value, Class) else ():
                self.frame.world.budget.pay_steps()
                if id(base) not in seen:
                    seen.add(id(base))
                    waiting.append(base)

    def member(self, name: str) -> Value | None:
        for ancestor in self.ancestors():
            if isinstance(ancestor, Class) and name in ancestor.body.names:
                return ancestor.body.names[name]
        return None

    def inherits(self, *names: str) -> bool:
        """Whether a class of one of these names, from outside the source, is among its bases."""
        return any(getattr(base, "short", getattr(base, "label", "")) in names for base in self.ancestors())

    @property
    def part_of_crew(self) -> str:
        """The dotted name of the class of CrewAI, or of a model's class, that this one is made of; "" if of none."""
        for base in self.ancestors():
            path = base.path if isinstance(base, Outside) else base.label if isinstance(base, Unknown) else ""
            name, is_ours = path.rpartition(".")[2], path.startswith("crewai.") or "." not in path
            if path and ((is_ours and name in SUBCLASSED) or name in PREFIX_BY_CLASS):
                return path
        return ""

    @property
    def is_abstract(self) -> bool:
        """Whether it says of itself that other classes are to be made of it."""
        if _ABSTRACT.search(self.node.name) or "ABC" in (getattr(base, "short", "") for base in self.bases):
            return True
        methods = (value for value in self.body.names.values() if isinstance(value, Function))
        return any(method.decorated("abstractmethod") or _refuses(method.node.body) for method in methods)

    @property
    def is_enum(self) -> bool:
        return self.inherits(*ENUMS)

    @property
    def is_crew_base(self) -> bool:
        return "CrewBase" in decorators(self.node)

    def after(self, cls: Class) -> Iterator[Class]:
        """The source's classes among its ancestors that come after one of them."""
        ancestors = iter(self.ancestors())
        for ancestor in ancestors:
            if ancestor is cls:
                break
        yield from (ancestor for ancestor in ancestors if isinstance(ancestor, Class))

    def methods(self, decorator: str) -> list[Function]:
        """Its methods with a decorator, in the order of the source, those of its bases first."""
        methods: dict[str, Function] = {}
        for ancestor in reversed(list(self.ancestors())):
            names = ancestor.body.names if isinstance(ancestor, Class) else {}
            self.frame.world.budget.pay_steps(len(names))
            for value in names.values():
                if isinstance(value, Function) and value.decorated(decorator):
                    methods[value.name] = value
        return list(methods.values())


@dataclass(slots=True, eq=False)
class Instance(Value):
    """An object of a class of the source. ``given``, ``given_args``: what a base from outside the source is given."""

    cls: Class
    attributes: dict[str, Value] = field(default_factory=dict)
    given: dict[str, Field] = field(default_factory=dict)
    given_args: list[Value] = field(default_factory=list)

    @property
    def name(self) -> str:
        return self.cls.name


@dataclass(slots=True, eq=False)
class Annotation(Value):
    """A type that is put together, such as ``Literal["a"]``; ``frame`` is where its names are looked up."""

    node: ast.expr
    frame: Frame


@dataclass(slots=True, eq=False)
class Super(Value):
    """``super()`` in a method of the class: the bases of ``instance`` after it."""

    instance: Instance
    cls: Class


@dataclass(slots=True, eq=False)
class Partial(Value):
    """``functools.partial(called, ...)``, which ``node`` is. ``is_called``: some code that was followed called it."""

    called: Value
    args: list[Value]
    fields: dict[str, Field]
    node: ast.Call
    is_called: bool = False


@dataclass(slots=True, eq=False)
class ModuleOf(Value):
    """A module of the project that was imported as a whole."""

    frame: Frame
    name: str


_ABSTRACT = re.compile(r"^_*(?:Base|Abstract)(?=[A-Z_])|(?:Base|Mixin|Interface)$")


def _refuses(body: Sequence[ast.stmt]) -> bool:
    """Whether a method only says that it is not implemented."""
    last = body[-1]
    raised = last.exc.func if isinstance(last, ast.Raise) and isinstance(last.exc, ast.Call) else None
    raised = last.exc if raised is None and isinstance(last, ast.Raise) else raised
    return isinstance(raised, ast.Name) and raised.id == "NotImplementedError"


def is_toolset(value: Value) -> bool:
    """Whether an object stands for the tools of a server."""
    inner = settled(value)
    return isinstance(inner, Definition) and inner.short in SERVERS


def type_name(value: Value) -> str:
    """The name of a type or class from outside the source, which listings may use unimported; "" if it is none."""
    if isinstance(value, Outside):
        return value.short
    return value.label if isinstance(value, Unknown) and not value.defined else ""


def tool_name(function: Function) -> str:
    """What a function that is a tool is called: by its decorator, as in ``@tool("Search")``, or else by itself."""
    for decorator in function.node.decorator_list[:MAX_DECORATORS]:
        given = decorator.args[0] if isinstance(decorator, ast.Call) and decorator.args else None
        if isinstance(given, ast.Constant) and isinstance(given.value, str):
            return given.value[:MAX_NAME]
    return function.name


def decorators(node: FunctionNode | ast.ClassDef) -> list[str]:
    """The last parts of the decorators' names: ``agent`` for ``@agent``, ``@project.agent`` and ``@agent()``."""
    names = []
    for decorator in node.decorator_list[:MAX_DECORATORS]:
        target = decorator.func if isinstance(decorator, ast.Call) else decorator
        names.append(target.attr if isinstance(target, ast.Attribute) else getattr(target, "id", ""))
    return names


def called(value: Value, name: str) -> Value:
    """The value; a definition without a name gets this one."""
    if isinstance(value, Definition) and (not value.name or value.is_named_by_maker):
        value.name, value.is_named_by_maker = name[:MAX_NAME], False
    return value
