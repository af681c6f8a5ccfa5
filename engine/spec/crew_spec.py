"""What a crew *is*: frozen specs of agents, tasks, models and tools, their JSON form, and the content hash.

How a crew runs is not known here. Whether a spec makes sense as a whole is decided in ``validate``.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    StrictBool,
    StrictFloat,
    StrictInt,
    model_serializer,
    model_validator,
)

from engine.text import is_storable

DEFAULT_MODEL = "gpt-4o-mini"
MAX_DEPTH = 100
MAX_NAME_CHARS = 200
UNSTORABLE = "it holds a NUL character, half of a character, or a number that JSON lacks"
KEY_PATTERN = r"^[a-z0-9][a-z0-9_]{0,63}$"

Key = Annotated[str, Field(pattern=KEY_PATTERN)]


class Spec(BaseModel):
    """The base class of all specs: frozen; unknown fields are refused instead of dropped, and "1" is no number."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=False, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _refuse_unstorable(cls, data: Any) -> Any:
        """Texts with NULs or lone surrogates, which come from damaged files, and NaN can be neither stored nor sent."""
        if isinstance(data, dict) and any(unstorable(part) for part in data.values()):
            raise ValueError(UNSTORABLE)
        return data

    def to_json(self) -> dict[str, Any]:
        """The spec as JSON-like data in its canonical form: fields that hold their default are left out."""
        return self.model_dump(mode="json", exclude_defaults=True)

    @classmethod
    def from_json(cls, data: object) -> Self:
        """Raises ``pydantic.ValidationError`` with one entry per bad field."""
        return cls.model_validate(data)


def _without_blanks_around(value: object) -> object:
    return value.strip() if isinstance(value, str) else value


Model = Annotated[str, BeforeValidator(_without_blanks_around), Field(min_length=1, max_length=MAX_NAME_CHARS)]
"""A model's id; blanks around it come from copying."""


class LLMSpec(Spec):
    """A model and how to ask it. ``model`` is a LiteLLM id; a bare ``gpt-4o`` works.

    ``stream``: the provider sends the reply while it writes it. That gives the time to the first token, and costs three
    times the processor time of a whole reply. A model ``simulated/<id>`` is never asked: the simulator answers instead,
    at the prices of ``<id>``.
    """

    model: Model = DEFAULT_MODEL
    temperature: StrictFloat | None = Field(default=None, ge=0, le=2)
    top_p: StrictFloat | None = Field(default=None, gt=0, le=1)
    max_tokens: StrictInt | None = Field(default=None, gt=0)
    stop: tuple[str, ...] = ()
    seed: StrictInt | None = None
    reasoning_effort: Literal["minimal", "low", "medium", "high"] | None = None
    timeout_s: StrictFloat = Field(default=600, gt=0, le=3600)
    fallbacks: tuple[Annotated[str, BeforeValidator(_without_blanks_around)], ...] = ()
    credential: str | None = None
    cache_ttl_s: StrictInt | None = Field(default=None, gt=0)
    stream: StrictBool = False


def unstorable(value: Any, depth: int = 0) -> bool:
    """Whether a text or a number anywhere in the value is not storable."""
    if depth > MAX_DEPTH:
        raise ValueError(f"This is nested more than {MAX_DEPTH} deep.")
    if isinstance(value, str):
        return not is_storable(value)
    if isinstance(value, float):
        return depth > 0 and not math.isfinite(value)  # at the top it is a declared field, which is refused by name
    if isinstance(value, dict):
        return any(unstorable(part, depth + 1) for pair in value.items() for part in pair)
    return isinstance(value, (list, tuple)) and any(unstorable(part, depth + 1) for part in value)


def _key_order(value: Any) -> str:
    """Schemas and settings as they are written; "" if their short keys come first everywhere.

    So they came out of the database once, which kept no other order: hashes from that time stay what they are.
    """
    parts = list(_open_parts(value))
    return "" if all(map(_is_short_first, parts)) else json.dumps(parts, separators=(",", ":"), ensure_ascii=False)


def _open_parts(value: Any) -> Iterator[Any]:
    """The values whose keys no spec declares."""
    if isinstance(value, dict):
        for name, part in value.items():
            if name in ("output_schema", "json_schema", "config"):
                yield part
            else:
                yield from _open_parts(part)
    elif isinstance(value, list):
        for part in value:
            yield from _open_parts(part)


def _is_short_first(value: Any) -> bool:
    if isinstance(value, dict):
        keys = [(len(key), key) for key in (name.encode("utf-8", "surrogatepass") for name in value)]
        return keys == sorted(keys) and all(map(_is_short_first, value.values()))
    return not isinstance(value, list) or all(map(_is_short_first, value))


def _llm_from_text(value: object) -> object:
    return {"model": value} if isinstance(value, str) else value


def _tool_from_text(value: object) -> object:
    return {"name": value} if isinstance(value, str) else value


LLMField = Annotated[LLMSpec, BeforeValidator(_llm_from_text, json_schema_input_type=LLMSpec | Model)]
"""A model; its id alone is accepted too."""


ToolName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.:-]{1,64}$")]


class ToolSpec(Spec):
    """A tool by its registered name, with its settings. Secrets never stand here: they are a team's provider keys."""

    name: ToolName
    config: dict[str, Any] = Field(default_factory=dict)


ToolField = Annotated[ToolSpec, BeforeValidator(_tool_from_text, json_schema_input_type=ToolSpec | ToolName)]
"""A tool; its name alone is accepted too."""


class AgentSpec(Spec):
    """Who does the work. ``role``, ``goal`` and ``backstory`` may hold ``{placeholders}``."""

    key: Key
    role: str
    goal: str = ""
    backstory: str = ""
    llm: LLMField = LLMSpec()
    tools: tuple[ToolField, ...] = ()
    allow_delegation: StrictBool = False
    cache: StrictBool = True
    max_iter: StrictInt = Field(default=20, ge=1, le=200)
    max_rpm: StrictInt | None = Field(default=None, gt=0)
    max_execution_time_s: StrictFloat | None = Field(default=None, gt=0)
    max_retry_limit: StrictInt = Field(default=2, ge=0, le=20)
    respect_context_window: StrictBool = True
    memory: StrictBool = False


class _Guardrail(Spec):
    """A check of a task's answer. ``kind`` is always in the JSON, though it is a default: reading depends on it."""

    @model_serializer(mode="wrap")
    def _with_kind(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        fields: dict[str, Any] = handler(self)
        return {"kind": self.__class__.model_fields["kind"].default, **fields}


class SchemaGuardrail(_Guardrail):
    """The answer must be JSON that fits ``json_schema``."""

    kind: Literal["schema"] = "schema"
    json_schema: dict[str, Any]


class LengthGuardrail(_Guardrail):
    """The answer's words and characters must lie within the bounds that are set."""

    kind: Literal["length"] = "length"
    min_words: StrictInt | None = Field(default=None, ge=0)
    max_words: StrictInt | None = Field(default=None, ge=1)
    max_chars: StrictInt | None = Field(default=None, ge=1)


class RegexGuardrail(_Guardrail):
    """The answer must (or, with ``forbid``, must not) contain a match of ``pattern``."""

    kind: Literal["regex"] = "regex"
    pattern: str
    forbid: StrictBool = False


class QuestionGuardrail(_Guardrail):
    """A model is asked whether the answer passes. If not, its reason goes back to the agent."""

    kind: Literal["question"] = "question"
    question: str
    llm: LLMField | None = None


Guardrail = Annotated[
    SchemaGuardrail | LengthGuardrail | RegexGuardrail | QuestionGuardrail, Field(discriminator="kind")
]


class Condition(Spec):
    """Runs a task only if the output of the earlier ``task`` passes all the tests that are set."""

    task: Key
    contains: str | None = None
    matches: str | None = None
    negate: StrictBool = False


class TaskSpec(Spec):
    """One assignment. ``context``: keys of the tasks whose outputs it reads; None leaves that to the process.

    ``takes_near_misses``: a value of the answer that does not fit ``output_schema`` and can only be meant as one that
    does, such as ``"9.5"`` for a number, is taken for it, with a note at the task.
    """

    key: Key
    name: str = Field(default="", max_length=MAX_NAME_CHARS)
    description: str
    expected_output: str = ""
    agent: Key | None = None
    context: tuple[Key, ...] | None = None
    async_execution: StrictBool = False
    output_schema: dict[str, Any] | None = None
    takes_near_misses: StrictBool = True
    tools: tuple[ToolField, ...] | None = None
    guardrails: tuple[Guardrail, ...] = ()
    guardrail_max_retries: StrictInt = Field(default=3, ge=0, le=20)
    human_input: StrictBool = False
    cache_ttl_s: StrictInt | None = Field(default=None, gt=0)
    condition: Condition | None = None
    markdown: StrictBool = False

    @property
    def title(self) -> str:
        """What people see: the name, else the key in words."""
        return self.name or self.key.replace("_", " ").capitalize()


ProcessName = Literal["sequential", "parallel", "hierarchical"]


class CrewSpec(Spec):
    """A whole crew: what is versioned, hashed, launched and exported."""

    name: str = Field(min_length=1, max_length=MAX_NAME_CHARS)
    description: str = ""
    agents: tuple[AgentSpec, ...] = ()
    tasks: tuple[TaskSpec, ...] = ()
    process: ProcessName = "sequential"
    manager_llm: LLMField | None = None
    manager_agent: Key | None = None
    planning: StrictBool = False
    planning_llm: LLMField | None = None
    cache: StrictBool = True
    max_rpm: StrictInt | None = Field(default=None, gt=0)
    inputs: dict[str, str] = Field(default_factory=dict)

    @property
    def content_hash(self) -> str:
        """SHA-256 in hex of the canonical JSON: the same for equal specs, and for no others.

        The order of keys counts in schemas and in tools' settings, where it decides what a model writes first.
        """
        data = self.to_json()
        text = json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        text += _key_order([data.get("agents", []), data.get("tasks", [])])
        return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()

    def agent(self, key: str | None) -> AgentSpec | None:
        return next((agent for agent in self.agents if agent.key == key), None)

    def task(self, key: str) -> TaskSpec | None:
        return next((task for task in self.tasks if task.key == key), None)
