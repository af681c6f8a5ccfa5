"""Holds the names while a source is followed, and finds the code that reads each expression and statement.

Following a source is not running it: a call to a function of the source is entered, any other call is only noted.
What is made on the way is paid from the import's budget, and the depth is bounded, so that hostile sources end too.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from agents_app.formats.budget import Budget
from agents_app.formats.documents import Documents
from agents_app.formats.python.labels import (
    CHANGING,
    CODE,
    MIN_TELLING,
    as_label,
    label_of,
    names_in,
    says_as_much,
    source_of,
    written,
)
from agents_app.formats.python.reach import Reach
from agents_app.formats.report import Place
from agents_app.formats.to_spec.assemble import Found
from agents_app.formats.to_spec.enlist import MAX_MEMBERS
from agents_app.formats.to_spec.fields import Reading
from agents_app.formats.to_spec.values import (
    ASKED,
    Constant,
    Definition,
    Items,
    Mapping,
    Missing,
    Secret,
    Text,
    Unknown,
    Value,
    elsewhere_of,
    open_of,
)

MAX_DEPTH = 20
_DATA = (".yaml", ".yml", ".json")
MAX_DEFINITIONS = 2 * MAX_MEMBERS

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef
Evaluator = Callable[[Any, "Frame"], Value]
Flow = Literal["break", "continue", "return"]
Executor = Callable[[Any, "Frame"], Flow | None]

_EVALUATORS: dict[type[ast.expr], Evaluator] = {}
_EXECUTORS: dict[type[ast.stmt], Executor] = {}


def evaluates(*kinds: type[ast.expr]) -> Callable[[Evaluator], Evaluator]:
    """Marks the function that reads these expressions."""

    def register(evaluator: Evaluator) -> Evaluator:
        _EVALUATORS.update(dict.fromkeys(kinds, evaluator))
        return evaluator

    return register


def executes(*kinds: type[ast.stmt]) -> Callable[[Executor], Executor]:
    """Marks the function that follows these statements."""

    def register(executor: Executor) -> Executor:
        _EXECUTORS.update(dict.fromkeys(kinds, executor))
        return executor

    return register


@dataclass(frozen=True, slots=True)
class Change:
    """A function that changes what is not its own, the line where it does, and the lines of the loop around it."""

    function: FunctionNode
    line: int
    loop: tuple[int, int] = (0, 0)


@dataclass(slots=True)
class World:
    """What all frames of one import share.

    ``sources``: by path; ``waiting``: texts that are not parsed yet; ``by_file_name``: paths, by the last part;
    ``broken``: of those that cannot be read.
    ``entered``: functions that were followed, by ``id()`` of their node; ``entered_on``: methods, by
    ``id()`` of the class of the object and of the node; ``active``: those that are being followed now.
    ``documents``: the project's other files. ``labelled``: places name their files. ``asked``: tasks made of questions
    to agents, by ``id()`` of the call. ``input_texts``: constants that became inputs, by name. ``results``: what
    functions gave, by ``id()`` of the function and of what it was given. ``kept``: what those ids are of, which stays
    alive, so that nothing else gets them. ``undecided``: how many branches around the code that is followed may not be
    taken by a run; ``aside``: how many of them are not what is read. ``sampled``: how many loops around it go over
    something that only a run shows. ``added``: how many parts of crews were put into lists in such branches.
    ``touched``: how many attributes of parts were set. ``remarks``: what is only said if parts of crews are made later,
    with how many there were. ``defined``: functions and classes that make parts, in the order in which they were
    defined; ``owners``: classes, by ``id()`` of their methods' nodes; ``objects``: of classes that nothing makes an
    object of, by ``id()``; ``stars``: modules that were not given, by the files that import all of them. ``standing``:
    for each of ``active``, the line where the code stood that called it. ``changes``: what functions change that is not
    their own, by class or file, and name. ``journal``: in branches and handlers, what entries of dictionaries and
    attributes were before they were set. ``given_before``: the texts and numbers that were given for ``results``.
    ``put_outside``: parts of crews that code keeps in something of a library, by dotted name. ``assumed``: which
    conditions are read as if they hold, by file, function and source. ``fork``: what follows the statements after the
    one that was followed last for its other branches; ``forked``: how many such there were; ``is_forking``: one of them
    goes on; ``branched``: where branches stand that only a run decides, by file, function and what they ask for.
    """

    reading: Reading
    found: Found
    modules: dict[str, Frame] = field(default_factory=dict)
    sources: dict[str, ast.Module] = field(default_factory=dict)
    waiting: dict[str, str] = field(default_factory=dict)
    by_file_name: dict[str, list[str]] = field(default_factory=dict)
    broken: set[str] = field(default_factory=set)
    reach: Reach = field(default_factory=Reach)
    documents: Documents = field(init=False)
    labelled: bool = False
    lines: dict[str, list[str]] = field(default_factory=dict)
    entered: set[int] = field(default_factory=set)
    entered_on: set[tuple[int, int]] = field(default_factory=set)
    active: list[int] = field(default_factory=list)
    standing: list[int] = field(default_factory=list)
    changes: dict[tuple[object, str], list[Change]] = field(default_factory=dict)
    journal: list[tuple[dict[str, Any], str, Any]] | None = None
    assumed: dict[tuple[str, str, str], bool] = field(default_factory=dict)
    results: dict[tuple[int, ...], Value] = field(default_factory=dict)
    tokens: int = 0
    input_texts: dict[str, str] = field(default_factory=dict)
    kept: list[Value] = field(default_factory=list)
    asked: dict[int, Definition] = field(default_factory=dict)
    undecided: int = 0
    sampled: int = 0
    added: int = 0
    aside: int = 0
    touched: int = 0
    remarks: dict[tuple[Place, str], int] = field(default_factory=dict)
    defined: list[Any] = field(default_factory=list)
    owners: dict[int, Any] = field(default_factory=dict)
    objects: dict[int, Value] = field(default_factory=dict)
    stars: dict[str, str] = field(default_factory=dict)
    given_before: dict[tuple[int, ...], list[list[Value]]] = field(default_factory=dict)
    put_outside: dict[str, Value] = field(default_factory=dict)
    fork: Callable[[], None] | None = None
    forked: int = 0
    branched: dict[tuple[str, str, str], int] = field(default_factory=dict)
    is_forking: bool = False

    def __post_init__(self) -> None:
        self.documents = Documents(self.reading)

    @property
    def made(self) -> int:
        """How many parts of crews there are so far, and how often something of them was set."""
        return len(self.found.agents) + len(self.found.tasks) + len(self.found.crews) + self.touched

    def put(self, slots: dict[str, Any], name: str, value: Any) -> None:
        """Sets an attribute or an entry of a dictionary, and remembers what it was if a branch may be taken back."""
        if self.journal is not None:
            self.journal.append((slots, name, slots.get(name)))
        slots[name] = value

    def say_later(self) -> None:
        """Makes the remarks that wait, if parts of crews were made since."""
        for (place, message), before in self.remarks.items():
            if before < self.made:
                self.reading.report.info(place, message)

    @property
    def budget(self) -> Budget:
        return self.reading.budget


@dataclass(slots=True, eq=False)
class Frame:
    """The names of a module, class body or call. ``returned`` collects what a call may return, in the order found.

    ``constants``: the names whose only value so far is written out in the source. ``function``: what is called.
    ``yielded``: what a generator gives, in order. ``elsewhere``: where names that are ``global`` or ``nonlocal`` live.
    ``undecided``: the world's, when the function was called. ``maybe``: only a run shows what of ``returned`` is given,
    or how often a comprehension goes round; ``falls_back``: that is decided by values that are only fallen back on.
    ``open_as``: what stands for a list that a comprehension goes over, and that may change. ``ahead``: the statements
    that are followed, and where those begin that come next.
    """

    world: World
    file: str = ""
    names: dict[str, Value] = field(default_factory=dict)
    parent: Frame | None = None
    depth: int = 0
    returned: list[Value] = field(default_factory=list)
    class_body: bool = False
    constants: set[str] = field(default_factory=set)
    function: str = ""
    yielded: list[Value] = field(default_factory=list)
    elsewhere: dict[str, Frame] = field(default_factory=dict)
    undecided: int = 0
    maybe: bool = False
    falls_back: bool = False
    open_as: Unknown | None = None
    ahead: tuple[Sequence[ast.stmt], int] = ((), 0)

    def place(self, node: ast.AST) -> Place:
        return Place(getattr(node, "lineno", None), self.file)

    def lookup(self, name: str) -> Value | None:
        frame: Frame | None = self
        while frame is not None:
            if name in frame.names:
                return frame.names[name]
            frame = frame.parent
        return None

    def set(self, name: str, value: Value) -> None:
        """Gives a name a value, in the frame where the name lives."""
        frame = self.elsewhere.get(name, self)
        frame.constants.discard(name)
        frame.names[name] = value

    def constant(self, name: str) -> Value | None:
        """The value of a name that has had no other, and that the source writes out; else None."""
        frame: Frame | None = self
        while frame is not None and name not in frame.names:
            frame = frame.parent
        return frame.names[name] if frame is not None and name in frame.constants else None

    def function_name(self) -> str:
        """What the function that is being followed makes, as far as its name says; "" outside of functions."""
        frame: Frame | None = self
        while frame is not None and not frame.function:
            frame = frame.parent
        return frame.function if frame else ""

    def enclosing(self) -> Frame:
        """Where a function that is defined here looks up names. As in Python, that is not a class body."""
        return self.parent if self.class_body and self.parent else self

    def inner(self, *, class_body: bool = False) -> Frame:
        """A frame for code within this one."""
        return Frame(self.world, self.file, parent=self, depth=self.depth + 1, class_body=class_body)

    def evaluate(self, node: ast.expr) -> Value:
        budget = self.world.budget
        outer = budget.line, budget.file
        budget.line, budget.file = node.lineno, self.file
        budget.pay_steps()
        evaluator = _EVALUATORS.get(type(node))
        value = evaluator(node, self) if evaluator else unknown(node, self)
        budget.line, budget.file = outer
        return value

    def run(self, body: Sequence[ast.stmt]) -> Flow | None:
        """Follows statements up to one that surely leaves them, and says how it does."""
        budget, flow = self.world.budget, None
        forks: list[Callable[[], None]] = []
        for number, statement in enumerate(body, start=1):
            self.ahead = body, number
            budget.line, budget.file = statement.lineno, self.file
            budget.pay_steps()
            executor = _EXECUTORS.get(type(statement))
            flow = executor(statement, self) if executor else None
            if self.world.fork is not None:
                forks.append(self.world.fork)
                self.world.fork = None
            if flow:
                break
        for follow in forks:
            follow()
        return flow


def part_of(whole: Value, node: ast.Subscript | ast.Attribute, frame: Frame, *, source: str = "") -> Unknown:
    """What only a run finds in ``whole``: an input named after it, and another one for each whole."""
    budget = frame.world.budget
    part = node.attr if isinstance(node, ast.Attribute) else written(node.slice, budget)
    return Unknown(
        label_of(node, budget),
        source,
        defined=whole.defined if isinstance(whole, Unknown) else True,
        which=budget.number_of("part", identity_of(whole), part),
        within=frame.function_name(),
        is_found=True,
    )


def keep_definition(made: Definition, frame: Frame) -> None:
    """Keeps an agent, a task or a crew in ``World.found``. Raises ``UsedUpError`` if there are too many."""
    found = frame.world.found
    lists = {"agent": found.agents, "task": found.tasks, "crew": found.crews}
    if made.kind in lists:
        lists[made.kind].append(made)
        if len(lists[made.kind]) > MAX_DEFINITIONS:
            frame.world.budget.refuse_definitions(MAX_DEFINITIONS)


def unknown(node: ast.expr, frame: Frame, *, label: str = "") -> Unknown:
    """A value that only a run would show, with the expression it comes from."""
    budget = frame.world.budget
    label = label or label_of(node, budget)
    return Unknown(label, source_of(node, budget), which=which_of(node, frame), within=frame.function_name())


def open_part(whole: Value, node: ast.expr, frame: Frame) -> Value:
    """What stands in a list for all of something that only a run shows: what a library's class makes, if it is that."""
    is_object = isinstance(whole, Definition) and whole.is_object
    return whole if is_object else replace(unknown(node, frame), elsewhere=elsewhere_of(whole))


def named_here(value: Value, name: str, node: ast.expr | None, budget: Budget) -> Value:
    """A value that gets a name: a variable's, a parameter's, a loop's, an entry's or a template's.

    What only a run shows is called as a person reads it nearest to the text where it ends up, so each name that it gets
    takes the place of the one before, unless that says more. It stays one thing whatever it is called; but what an
    expression (``node``; None for what was made elsewhere) computes is another thing for each variable. Parameters
    of what nobody calls, settings and arguments keep the names by which they are given.
    """
    if isinstance(value, Missing) and isinstance(node, ast.Call | ast.Await) and not value.source.endswith(_DATA):
        which = budget.number_of("missing", value.source, name)
        return replace(value, label=as_label(name), which=which)
    if not isinstance(value, Unknown) or isinstance(value, Missing) or not value.which:
        return value
    is_asked = value.label == ASKED
    is_made_here = node is not None and not isinstance(node, ast.Name | ast.Attribute)
    if is_asked or (is_made_here and value.source):
        which = budget.number_of("named", value.which, name)
        return replace(value, label=as_label(name), within="" if is_asked else value.within, which=which)
    is_part = value.is_found and isinstance(node, ast.Attribute | ast.Subscript) and len(name) >= MIN_TELLING
    if not is_part and (is_made_here or not (value.source or value.is_found) or not says_as_much(name, value.label)):
        return value
    within = "" if name == ASKED else value.within
    return replace(value, label=as_label(name), named=value.named or value.label, within=within)


def named_in_template(value: Value, name: str, budget: Budget) -> Value:
    """A value at a place of a template, whose own name comes before all others that the value has."""
    named = named_here(value, name, None, budget)
    if not isinstance(named, Unknown) or isinstance(named, Missing) or not named.which or len(name) < MIN_TELLING:
        return named
    return replace(named, label=as_label(name), named=named.named or named.label)


def fallen_back(result: Value, operands: Iterable[Value], node: ast.expr, frame: Frame) -> Value:
    """What is computed of inputs, for which the source has values to fall back on: an input with such a value too."""
    given = list(operands)
    open_one = next((open_value for value in given if (open_value := open_of(value)) is not None), None)
    if isinstance(result, Items | Mapping) and open_one is not None and result.open_as is None:
        result.open_as = replace(unknown(node, frame), changed_by=open_one.changed_by)
    setting = next((value for value in given if isinstance(value, Secret) and value.fallback is not None), None)
    if isinstance(result, Items | Mapping) and setting is not None and result.open_as is None:
        result.open_as = replace(unknown(node, frame, label=setting.label), known=None)
    is_plain = isinstance(result, Constant) or (isinstance(result, Text) and result.literal)
    if is_plain and setting is not None and isinstance(result, Text) and len(given) == 1:
        return Secret(setting.name, result)
    fallbacks = [value for value in given if isinstance(value, Unknown) and value.known is not None]
    if not is_plain or not (fallbacks or open_one or setting is not None):
        return result
    changed_by = open_one.changed_by if open_one else fallbacks[0].changed_by if fallbacks else ""
    return replace(unknown(node, frame), known=result, changed_by=changed_by)


def identity_of(value: Value) -> object:
    """What tells a value apart from others: a text by its words, what a call gives by what it is called with."""
    if isinstance(value, Text):
        return value.template
    return value.which if isinstance(value, Definition) and value.which else value


def which_of(node: ast.expr, frame: Frame) -> int:
    """A number for what an expression computes: the same where the same is computed of the same values."""
    budget = frame.world.budget
    text, names = written(node, budget), names_in(node, budget)
    values = [value for name in names if (value := frame.lookup(name)) is not None]
    budget.pay_looking(sum(len(value.template) for value in values if isinstance(value, Text)))
    told_apart = [identity_of(value) for value in values]
    is_whole = text != CODE and not CHANGING.search(text)
    return budget.number_of("computed", text if is_whole else node, *told_apart)
