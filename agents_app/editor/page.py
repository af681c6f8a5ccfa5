"""What the crew page shows: a form per agent and task, each complaint at its field, and refused input as typed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from django.forms import Form
from django.urls import reverse
from pydantic import ValidationError

from agents_app.editor.forms.agent import AgentForm
from agents_app.editor.forms.crew import CrewForm
from agents_app.editor.forms.edit import EditForm
from agents_app.editor.forms.task import TaskForm
from agents_app.editor.forms.tools import tool_field
from agents_app.library.linked import Linked
from agents_app.library.queries import links_of
from agents_app.models import Crew
from engine.catalogue.price_list import DefaultPrices
from engine.spec.crew_spec import AgentSpec, CrewSpec, TaskSpec
from engine.spec.validate import Complaint
from teams.credentials import listed_models
from teams.forms import show_refusal
from teams.models import Team
from teams.refusals import Conflict, Refusal

FORM_FIELDS = {"llm": "model", "llm.cache_ttl_s": "cache_ttl_s"}
"""Which form field shows a spec's field, where their names differ."""
KEY_MARK = "KEY"
"""Stands for a key in an address: no key has capitals, and neither has a slug."""
MAX_CHECKS = 100
MAX_SUGGESTED = 1000
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
class EditLine:
    """An agent or a task of the page's lists: its form if that is open, and the address that the form is fetched at."""

    part: AgentSpec | TaskSpec
    form: EditForm | None
    edit: str
    move: str = ""  # where a task's place in the list is changed
    linked: Linked | None = None  # of an agent that comes from the library


@dataclass(frozen=True, slots=True)
class ChecklistItem:
    """One line of the checklist: the complaint, what it is about in words, and a link to the field."""

    complaint: Complaint
    about: str
    href: str


def suggested_models(team: Team) -> list[str]:
    """Ids for the model field's list: those that the team's own servers listed, then well-known ones that have a price,
    a local one, and what other providers listed."""
    listed = DefaultPrices()
    usual = [model for model in SUGGESTED_MODELS if model.startswith("ollama/") or listed.price(model) is not None]
    own, others = listed_models(team)
    return list(dict.fromkeys([*own, *usual, *others]))[:MAX_SUGGESTED]


def agent_form(crew: Crew, spec: CrewSpec, key: str | None, data: Mapping[str, str] | None = None) -> AgentForm:
    """The form of the agent with that key; for None, or for a key that is gone, the form of a new one."""
    agent = spec.agent(key)
    new_key = free_key("agent", {agent.key for agent in spec.agents})
    form = AgentForm(data, agent=agent, revision=crew.revision, new_key=new_key, auto_id=agent_ids(agent))
    form.is_linked = agent is not None and agent.key in links_of(crew, spec)
    return form


def task_form(crew: Crew, spec: CrewSpec, key: str | None, data: Mapping[str, str] | None = None) -> TaskForm:
    """The form of the task with that key; for None, or for a key that is gone, the form of a new one."""
    task = spec.task(key or "")
    new_key = free_key("task", {task.key for task in spec.tasks})
    return TaskForm(data, task=task, crew=spec, revision=crew.revision, new_key=new_key, auto_id=task_ids(task))


def crew_form(crew: Crew, spec: CrewSpec, data: Mapping[str, str] | None = None) -> CrewForm:
    return CrewForm(data, spec=spec, revision=crew.revision, auto_id="id_crew_%s")


def agent_ids(agent: AgentSpec | None) -> str:
    """The pattern of the ids in an agent's form; links to its fields are made from it."""
    return f"id_agents_{agent.key}_%s" if agent else "id_new_agent_%s"


def task_ids(task: TaskSpec | None) -> str:
    return f"id_tasks_{task.key}_%s" if task else "id_new_task_%s"


def page_forms(crew: Crew, spec: CrewSpec, opened: EditForm | None, links: Mapping[str, Linked]) -> dict[str, Any]:
    """The forms that come with the page: the crew's own, and the one that is open. Others are fetched when opened.
    ``links``: what of the crew comes from the library, by the agent's key."""

    def if_opened(ids: str) -> EditForm | None:
        return opened if opened is not None and opened.auto_id == ids else None

    agent_at, task_at, move_at = (_addresses(crew, name) for name in ("edit_agent", "edit_task", "move_task"))
    return {
        "crew_form": if_opened("id_crew_%s") or crew_form(crew, spec),
        "agents": [
            EditLine(agent, if_opened(agent_ids(agent)), agent_at(agent.key), linked=links.get(agent.key))
            for agent in spec.agents
        ],
        "tasks": [
            EditLine(task, if_opened(task_ids(task)), task_at(task.key), move_at(task.key)) for task in spec.tasks
        ],
        "new_agent": if_opened(agent_ids(None)) or (None if spec.agents else agent_form(crew, spec, None)),
        "new_task": if_opened(task_ids(None)),
    }


def _addresses(crew: Crew, name: str) -> Callable[[str], str]:
    """The address of a URL name by key. It is looked up once: a page may have hundreds of keys."""
    before, _, after = reverse(name, kwargs={"team": crew.team.slug, "slug": crew.slug, "key": KEY_MARK}).partition(
        KEY_MARK
    )
    return lambda key: f"{before}{key}{after}"


def explain(form: EditForm, complaints: Iterable[Complaint]) -> None:
    """Puts at the form's fields the complaints about them, and what somebody else saved meanwhile."""
    for complaint in complaints:
        owner, field = _split(complaint.field)
        if form.auto_id == f"id_{owner.replace('.', '_') or 'crew'}_%s":
            place = tool_field(complaint) or field
            form.complaints[place if place in form.fields else field].append(complaint)
    for name, value in form.saved_meanwhile.items():
        form.complaints[name].append(Complaint(name, f"Saved meanwhile: {_words(value)}", "overtaken", "warning"))


def checklist(crew: Crew, spec: CrewSpec, complaints: Iterable[Complaint]) -> list[ChecklistItem]:
    """The first ``MAX_CHECKS`` complaints, each with a link to its field."""
    addresses = {"agents": _addresses(crew, "edit_agent"), "tasks": _addresses(crew, "edit_task")}
    titles = {f"agents.{agent.key}": agent.role or agent.key for agent in spec.agents}
    titles |= {f"tasks.{task.key}": task.title for task in spec.tasks}
    shown = islice(complaints, MAX_CHECKS)
    places = [(complaint, _place(complaint.field, titles, addresses)) for complaint in shown]
    as_json = reverse("crew_json", kwargs={"team": crew.team.slug, "slug": crew.slug})
    return [
        ChecklistItem(complaint, about, as_json if complaint.code == "unused_input" else address)
        for complaint, (about, address) in places
    ]


def done(form: EditForm, action: Callable[[], object], *, revision: int) -> bool:
    """Calls the action; returns whether it succeeded. If not, its complaints are at the form's fields.

    After somebody else's edit the form also shows what is saved now, and its next edit starts from ``revision``.
    """
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
    """``stem_1``, or the first number after that which is not taken."""
    return next(key for number in range(1, len(taken) + 2) if (key := f"{stem}_{number}") not in taken)


def _start_anew(form: EditForm, revision: int) -> None:
    form.add_error(None, "Saving again puts what you typed in the place of what was saved meanwhile.")
    form.saved_meanwhile = {name: form[name].initial for name in form.changed_data if name != "revision"}
    form.data = form.data.copy()  # type: ignore[attr-defined]
    form.data["revision"] = str(revision)  # type: ignore[index]


def _show_faults(form: Form, error: ValidationError) -> None:
    for fault in error.errors():
        path = ".".join(str(part) for part in fault["loc"])
        name = next((name for name in (FORM_FIELDS.get(path, path), path.split(".")[0]) if name in form.fields), None)
        form.add_error(name, fault["msg"] if name else f"{path}: {fault['msg']}")


def _words(value: Any) -> str:
    text = ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else str("" if value is None else value)
    return text if len(text) <= 300 else f"{text[:300]}…"


def _split(path: str) -> tuple[str, str]:
    kind, _, rest = path.partition(".")
    if kind not in ("agents", "tasks") or not rest:
        return "", path
    key, _, field = rest.partition(".")
    return f"{kind}.{key}", FORM_FIELDS.get(field, field.partition(".")[0])


def _place(path: str, titles: Mapping[str, str], addresses: Mapping[str, Callable[[str], str]]) -> tuple[str, str]:
    """A complaint's field in words, and its address: the page with that form open, at that field."""
    owner, field = _split(path)
    if owner not in titles:
        return path, f"#{path}" if path in ("agents", "tasks") else f"#at-id_crew_{path}"
    kind, _, key = owner.partition(".")
    address = f"{addresses[kind](key)}#at-id_{kind}_{key}_{field}"
    return f"{titles[owner]}: {field.replace('_', ' ')}", address
