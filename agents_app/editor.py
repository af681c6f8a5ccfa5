"""The crew page: one form per agent and task, each complaint at its field, and what was refused kept as typed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.forms import Form
from pydantic import ValidationError

from agents_app.forms import AgentForm, CrewForm, EditForm, TaskForm
from agents_app.models import Crew
from engine.price_list import prices
from engine.spec import CrewSpec
from engine.validate import Complaint
from teams.refusals import Conflict, Refusal
from teams.views import show_refusal

ALIASES = {"llm": "model", "llm.cache_ttl_s": "cache_ttl_s"}
SUGGESTED_MODELS = (
    "gpt-4o-mini",
    "gpt-4o",
    "gpt-4.1",
    "gpt-4.1-mini",
    "gpt-4.1-nano",
    "gpt-4",
    "gpt-3.5-turbo",
    "gpt-5",
    "gpt-5-mini",
    "o3",
    "o4-mini",
    "claude-sonnet-4-5",
    "claude-haiku-4-5",
    "claude-opus-4-1",
    "gemini/gemini-2.5-pro",
    "gemini/gemini-2.5-flash",
    "gemini/gemini-2.5-flash-lite",
    "mistral/mistral-large-latest",
    "deepseek/deepseek-chat",
    "ollama/llama3.1",
)


@dataclass(frozen=True, slots=True)
class Check:
    """One line of the checklist: the complaint, what it is about in words, and where to mend it."""

    complaint: Complaint
    about: str
    href: str


def suggested_models() -> list[str]:
    """Ids for the model field's list: well-known ones that the price list knows, and a local one."""
    known = prices()
    return [model for model in SUGGESTED_MODELS if model in known or model.startswith("ollama/")]


def agent_form(crew: Crew, spec: CrewSpec, key: str | None, data: Mapping[str, str] | None = None) -> AgentForm:
    """The form of the agent of that key; of a new one for None, or for a key that is gone."""
    agent = spec.agent(key)
    name = f"agent_{agent.key}" if agent else "new_agent"
    new_key = free_key("agent", {agent.key for agent in spec.agents})
    return AgentForm(data, agent=agent, revision=crew.revision, new_key=new_key, auto_id=f"id_{name}_%s")


def task_form(crew: Crew, spec: CrewSpec, key: str | None, data: Mapping[str, str] | None = None) -> TaskForm:
    """The form of the task of that key; of a new one for None, or for a key that is gone."""
    task = spec.task(key or "")
    name = f"task_{task.key}" if task else "new_task"
    new_key = free_key("task", {task.key for task in spec.tasks})
    return TaskForm(data, task=task, crew=spec, revision=crew.revision, new_key=new_key, auto_id=f"id_{name}_%s")


def crew_form(crew: Crew, spec: CrewSpec, data: Mapping[str, str] | None = None) -> CrewForm:
    return CrewForm(data, spec=spec, revision=crew.revision, auto_id="id_crew_%s")


def forms_of(
    crew: Crew, spec: CrewSpec, complaints: Iterable[Complaint], refused: EditForm | None = None
) -> dict[str, Any]:
    """All forms of the page by their names there, with ``refused`` in the place of its like."""
    at_field = _by_field(complaints)

    def placed(form: EditForm, path: str) -> EditForm:
        kept = refused if refused is not None and refused.auto_id == form.auto_id else form
        kept.complaints = at_field[path]
        for name, value in kept.saved_meanwhile.items():
            kept.complaints[name].append(Complaint(name, f"Saved meanwhile: {_words(value)}", "overtaken", "warning"))
        return kept

    return {
        "crew_form": placed(crew_form(crew, spec), ""),
        "agent_forms": [
            (agent, placed(agent_form(crew, spec, agent.key), f"agents.{agent.key}")) for agent in spec.agents
        ],
        "task_forms": [(task, placed(task_form(crew, spec, task.key), f"tasks.{task.key}")) for task in spec.tasks],
        "new_agent": placed(agent_form(crew, spec, None), "new"),
        "new_task": placed(task_form(crew, spec, None), "new"),
    }


def checklist(spec: CrewSpec, complaints: Iterable[Complaint]) -> list[Check]:
    """Every complaint with a link to the field that it is about."""
    titles = {f"agents.{agent.key}": agent.role or agent.key for agent in spec.agents}
    titles |= {f"tasks.{task.key}": task.title for task in spec.tasks}
    return [Check(complaint, *_place(complaint.field, titles)) for complaint in complaints]


def done(form: EditForm, action: Callable[[], object], *, revision: int) -> bool:
    """Whether the action went through. If not, its complaints are at the form's fields. A form that was overtaken by
    somebody else's edit shows what is saved now, and starts from ``revision`` when it is sent again."""
    try:
        action()
    except Conflict as conflict:
        show_refusal(form, conflict)
        if form.cleaned_data.get("revision") != revision:
            _start_anew(form, revision)
    except Refusal as refusal:
        show_refusal(form, refusal)
    except ValidationError as error:
        _show_faults(form, error)
    else:
        return True
    return False


def free_key(stem: str, taken: set[str]) -> str:
    return next(key for number in range(1, len(taken) + 2) if (key := f"{stem}_{number}") not in taken)


def _start_anew(form: EditForm, revision: int) -> None:
    form.add_error(None, "Saving again puts what you typed in the place of what was saved meanwhile.")
    form.saved_meanwhile = {name: form[name].initial for name in form.changed_data if name != "revision"}
    form.data = form.data.copy()  # type: ignore[attr-defined]
    form.data["revision"] = str(revision)  # type: ignore[index]


def _show_faults(form: Form, error: ValidationError) -> None:
    for fault in error.errors():
        path = ".".join(str(part) for part in fault["loc"])
        name = next((name for name in (ALIASES.get(path, path), path.split(".")[0]) if name in form.fields), None)
        form.add_error(name, fault["msg"] if name else f"{path}: {fault['msg']}")


def _words(value: Any) -> str:
    text = ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else str("" if value is None else value)
    return text if len(text) <= 300 else f"{text[:300]}…"


def _by_field(complaints: Iterable[Complaint]) -> dict[str, dict[str, list[Complaint]]]:
    """``tasks.report`` -> ``context`` -> complaints; the crew's own are under ""."""
    found: dict[str, dict[str, list[Complaint]]] = defaultdict(lambda: defaultdict(list))
    for complaint in complaints:
        owner, field = _split(complaint.field)
        found[owner][field].append(complaint)
    return found


def _split(path: str) -> tuple[str, str]:
    kind, _, rest = path.partition(".")
    if kind not in ("agents", "tasks") or not rest:
        return "", path
    key, _, field = rest.partition(".")
    return f"{kind}.{key}", ALIASES.get(field, field.partition(".")[0])


def _place(path: str, titles: Mapping[str, str]) -> tuple[str, str]:
    owner, field = _split(path)
    if owner:
        form = owner.replace("s.", "_", 1)
        return f"{titles.get(owner, owner)}: {field.replace('_', ' ')}", f"#at-id_{form}_{field}"
    return path, f"#{path}" if path in ("agents", "tasks") else f"#at-id_crew_{path}"
