"""Reads how a source names a model (``LLM(...)``, ``ChatOpenAI(...)``, a text, a YAML mapping) as an ``LLMSpec``.

Keys and addresses of providers are never imported: those are the team's provider keys.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from agents_app.formats.budget import Budget
from agents_app.formats.report import Place, listed
from agents_app.formats.to_spec.fields import Reading, built, describe, pay_names, scalar_of
from agents_app.formats.to_spec.values import (
    Constant,
    Definition,
    Field,
    Items,
    Mapping,
    Secret,
    Text,
    Unknown,
    Value,
    literal_text,
    members,
    settled,
)
from engine.spec.crew_spec import DEFAULT_MODEL, LLMSpec

PREFIX_BY_CLASS = {
    "LLM": "",
    "BaseLLM": "",
    "ChatLiteLLM": "",
    "OpenAI": "",
    "ChatOpenAI": "",
    "AzureOpenAI": "azure",
    "AzureChatOpenAI": "azure",
    "ChatAnthropic": "anthropic",
    "ChatGoogleGenerativeAI": "gemini",
    "GoogleGenerativeAI": "gemini",
    "ChatVertexAI": "vertex_ai",
    "VertexAI": "vertex_ai",
    "ChatGroq": "groq",
    "Ollama": "ollama",
    "OllamaLLM": "ollama",
    "ChatOllama": "ollama",
    "ChatMistralAI": "mistral",
    "ChatCohere": "cohere",
    "Cohere": "cohere",
    "BedrockChat": "bedrock",
    "BedrockLLM": "bedrock",
    "ChatBedrock": "bedrock",
    "ChatBedrockConverse": "bedrock",
    "ChatDeepSeek": "deepseek",
    "ChatXAI": "xai",
    "ChatNVIDIA": "nvidia_nim",
    "ChatFireworks": "fireworks_ai",
    "ChatTogether": "together_ai",
    "Together": "together_ai",
    "ChatOpenRouter": "openrouter",
    "ChatPerplexity": "perplexity",
    "ChatHuggingFace": "huggingface",
    "HuggingFaceEndpoint": "huggingface",
    "HuggingFaceHub": "huggingface",
    "WatsonxLLM": "watsonx",
    "ChatWatsonx": "watsonx",
}
_MODEL_FIELDS = (
    "model",
    "model_name",
    "model_id",
    "repo_id",
    "deployment_name",
    "azure_deployment",
    "azure_deployment_name",
)
_SETTINGS = {
    "temperature": "temperature",
    "top_p": "top_p",
    "max_tokens": "max_tokens",
    "max_completion_tokens": "max_tokens",
    "max_output_tokens": "max_tokens",
    "num_predict": "max_tokens",
    "stop": "stop",
    "stop_sequences": "stop",
    "seed": "seed",
    "reasoning_effort": "reasoning_effort",
    "timeout": "timeout_s",
    "request_timeout": "timeout_s",
    "stream": "stream",
    "streaming": "stream",
}
_SECRET = re.compile(
    r"(^|_)(api_?key|key|token|secret|password|credentials?|access_key_id|secret_access_key)$", re.IGNORECASE
)
_NO_KEY = re.compile(
    r"dummy|fake|placeholder|(?<![a-z])your(?![a-z])|not[-_ ]?(?:needed|required|used|set)|x{6}", re.IGNORECASE
)
_ADDRESS = re.compile(
    r"(base_?url|api_base|endpoint|api_version|region|project|organization|location|^host$)", re.IGNORECASE
)
_MEANINGLESS = frozenset({"verbose", "callbacks", "is_litellm", "disable_streaming"})
_MODEL_ID = re.compile(r"[a-z][a-z0-9_.:-]{0,60}(?:/[\w.:-]{1,80}){0,3}[0-9][\w.:-]{0,40}|[a-z_]{2,30}/[\w./:-]{2,100}")
_VARIABLE = re.compile(r"\$\{(\w+)(?::?-([^}]*))?\}|\$(\w+)")


def is_secret_field(name: str) -> bool:
    """Whether a field of this name holds a key or password."""
    return _SECRET.search(name) is not None


def read_llm(field: Field | None, reading: Reading, *, owner: str) -> LLMSpec | None:
    """The model that a field names; None if it names none, so that the default is used."""
    if field is None:
        return None
    field = _likeliest(_with_variables(field), reading, owner=owner)
    value = settled(field.value)
    name = literal_text(value, reading.budget)
    if name is not None and name.strip():
        _say_variables(field, name, reading, what=f"{owner} reads its model")
        return _spec({"model": name.strip()}, {"model": field}, reading)
    if isinstance(value, Definition) and (value.kind == "llm" or _model_field(value)):
        return _from_definition(value, reading)
    if isinstance(value, Mapping):
        return _from_fields(value.fields, reading, prefix="", place=field.place)
    if not (isinstance(value, Constant) and value.value is None):
        _say_default(value, reading, place=field.place, owner=owner)
    return None


def _likeliest(field: Field, reading: Reading, *, owner: str) -> Field:
    """What a function may give that chooses a model when the code runs, or else the id of a model that it is given."""
    value = settled(field.value)
    perhaps = value.perhaps if isinstance(value, Unknown) else None
    if isinstance(value, Definition) and value.kind == "other" and not _model_field(value):
        perhaps = likely_model([*value.args, *value.fields.values()], reading.budget)
    if perhaps is None:
        return field
    message = f"{owner}: which model `{describe(value)}` gives is only known when the code runs: "
    reading.report.warn(field.place, f"{message}{describe(perhaps)} was taken.")
    return Field(perhaps, field.place)


def likely_model(given: Sequence[Field], budget: Budget) -> Text | None:
    """The only text that an unknown function is given, if it looks like the id of a model."""
    texts = [text for field in given if (text := literal_text(field.value, budget)) is not None]
    return Text(texts[0]) if len(texts) == 1 and _MODEL_ID.fullmatch(texts[0]) else None


def _with_variables(field: Field) -> Field:
    """A field that is ``${NAME}`` or ``${NAME:-default}``, as YAML files have it, is read from the environment."""
    value = field.value
    match = _VARIABLE.fullmatch(value.template.strip()) if isinstance(value, Text) and value.literal else None
    if match is None:
        return field
    return Field(Secret(match[1] or match[3], Text(match[2]) if match[2] else None), field.place)


def _say_variables(field: Field, name: str, reading: Reading, *, what: str) -> None:
    """Says which variables of the environment a model's name is read from, and what was taken for it."""
    parts = field.value.computed if isinstance(field.value, Text) else (field.value,)
    names = [part.name for part in parts if isinstance(part, Secret)]
    if names:
        message = f"{what} from {listed(names)}; the default written there, {name.strip()}, is used."
        reading.report.info(field.place, message)


def _say_default(value: Value, reading: Reading, *, place: Place, owner: str) -> None:
    what = f"`{describe(value)}`" if isinstance(value, Unknown | Definition) else describe(value)
    if isinstance(value, Secret):
        message = (
            f"{owner} reads its model from {value.name}, which is not part of the source; {DEFAULT_MODEL} is used."
        )
    elif isinstance(value, Text) and value.computed:
        parts = listed(f"`{describe(part)}`" for part in value.computed)
        message = f"{owner}: the model's name holds {parts}, which only a run shows; {DEFAULT_MODEL} is used."
    elif origin := reading.absent.origin(value):
        message = f"{owner}: the model comes from {origin.words}; {DEFAULT_MODEL} is used."
    elif isinstance(value, Unknown) and value.of:
        message = f"{owner}: no call in the source gives the model {what}; {DEFAULT_MODEL} is used."
    else:
        message = f"{owner}: the model {what} is not defined in this source; {DEFAULT_MODEL} is used."
    reading.report.warn(place, message)


def _model_field(definition: Definition) -> bool:
    return any(name in definition.fields for name in _MODEL_FIELDS)


def _from_definition(definition: Definition, reading: Reading) -> LLMSpec | None:
    fields = dict(definition.fields)
    if definition.args and not any(name in fields for name in _MODEL_FIELDS):
        fields["model"] = definition.args[0]
    prefix = PREFIX_BY_CLASS.get(definition.short)
    if prefix is None:
        message = f"The model class {definition.short} is not known here; its model name was taken as it stands."
        reading.report.warn(definition.place, message)
    return _from_fields(fields, reading, prefix=prefix or "", place=definition.place)


def _from_fields(fields: dict[str, Field], reading: Reading, *, prefix: str, place: Place) -> LLMSpec | None:
    model_field = next((name for name in _MODEL_FIELDS if name in fields), None)
    model = _model_name(fields[model_field], reading) if model_field else None
    if model is None:
        value = _with_variables(fields[model_field]).value if model_field else None
        what = "The model's name is not a plain text in the source" if model_field else "No model is named here"
        what = f"The model's name is read from {value.name}" if isinstance(value, Secret) else what
        place_of = fields[model_field].place if model_field else place
        reading.report.warn(place_of, f"{what}; {DEFAULT_MODEL} is used.")
        model = DEFAULT_MODEL
    elif prefix and not model.startswith(f"{prefix}/"):
        model = f"{prefix}/{model.removeprefix('models/')}"
    data: dict[str, Any] = {"model": model}
    places = {"model": fields[model_field] if model_field else Field(Text(model), place)}
    pay_names(fields, reading)
    for name, field in fields.items():
        if name in _SETTINGS and (setting := _setting(name, field, reading)) is not None:
            data[_SETTINGS[name]], places[_SETTINGS[name]] = setting, field
        elif name not in _SETTINGS and name not in _MODEL_FIELDS:
            _say_dropped(name, field, reading)
    return _spec(data, places, reading)


def _model_name(field: Field, reading: Reading) -> str | None:
    field = _with_variables(field)
    name = (literal_text(field.value, reading.budget) or "").strip()
    if name:
        _say_variables(field, name, reading, what="The model is read")
    return name or None


def _setting(name: str, field: Field, reading: Reading) -> Any:
    if _SETTINGS[name] == "stop":
        items = members(field.value, reading.budget)
        return tuple(text for item in items if (text := literal_text(item, reading.budget)) is not None) or None
    if isinstance(settled(field.value), Items | Mapping | Definition):
        reading.report.warn(field.place, f"The model's {name} is not a number in the source; its default is used.")
        return None
    return scalar_of(field, reading, what=f"The model's {name}")


def _say_dropped(name: str, field: Field, reading: Reading) -> None:
    value = settled(field.value)
    if name in _MEANINGLESS or (isinstance(value, Constant) and value.value in (None, False)):
        return
    if is_secret_field(name):
        if isinstance(value, Text) and len(value.template) > 8 and not _stands_for_key(field.value, value):
            message = f"A key is written into the source ({name}). It was not imported; consider replacing the key."
            reading.report.warn(field.place, message)
        message = "Keys are never imported ({items}): add the provider's key in the team's settings."
        reading.report.gather(message, place=field.place, item=name)
    elif _ADDRESS.search(name):
        message = f"The model's {name} was left out: a provider's address belongs to its key in the team's settings."
        reading.report.warn(field.place, message)
    else:
        reading.report.warn(field.place, f"The model's setting {name} is not supported here and was left out.")


def _stands_for_key(given: Value, text: Text) -> bool:
    """Whether a text is no key of anybody's: it says so, or the source takes it where an expression gives none, and it
    has no digit, as keys have."""
    is_instead = isinstance(given, Unknown) and bool(given.source) and not re.search("[0-9]", text.template)
    return is_instead or _NO_KEY.search(text.template) is not None


def _spec(data: dict[str, Any], fields: dict[str, Field], reading: Reading) -> LLMSpec:
    return built(LLMSpec, data, fields=fields, report=reading.report, owner="The model")
