"""Pages of batches: fetch through the gate, call one action or query, render."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods

from agents_app.models import Crew
from agents_app.queries import own_crew
from engine.spec.crew_spec import CrewSpec
from engine.spec.placeholders import placeholders
from runs.batches import actions, queries
from runs.batches.files import as_csv, as_json_lines, pieces
from runs.batches.forms import BatchForm, GoOnForm, RowsForm, TableForm, columns_chosen
from runs.batches.kept_inputs import named_version, names_of_sets, table_of
from runs.batches.live import page_events
from runs.batches.page import BatchPage, Preview, RowsPage, batch_page, preview, rows_preview
from runs.batches.results.spreadsheet import as_xlsx
from runs.batches.table import InputTable, read_table, read_upload
from runs.export.answers import file_or_refusal
from runs.export.formats import Format
from runs.launch.page import LaunchChoice, launch_choice, launch_page
from runs.live.messages import stream
from runs.models import Batch, DataSetVersion
from teams.access import Principal, TeamRequest, fetch, member
from teams.forms import show_refusal
from teams.models import Role
from teams.refusals import Conflict, Invalid, Refusal, with_retry_after
from teams.rights import right_of_session

SHOWN = 50
FIELDS = {"budget_usd": "batch_budget_usd", "run_budget_usd": "budget_usd", "inputs": "table"}
"""Fields of the form that are called otherwise than those of the API."""
ACTS: Mapping[str, Callable[[Principal, Batch], Batch]] = {
    "pause": actions.pause,
    "cancel": actions.cancel,
    "retry": actions.retry_failed,
}


@member(Role.RUNNER)
@require_http_methods(["GET", "POST"])
def launch_batch(request: TeamRequest, slug: str) -> HttpResponse:
    """The form; sent once, what its table comes to; sent with ``launch``, the batch."""
    crew = own_crew(request.who, slug, Role.RUNNER)
    choice = launch_choice(request.who, crew, request.GET, request.POST)
    if not request.POST:
        asked = {"data_set": request.GET.get("dataset", "")}
        initial = {**launch_page(request.who, crew, choice).form.initial, **asked}
        return _launch_page(request, crew, choice, _form(request, choice, initial=initial))
    form = _form(request, choice, request.POST, request.FILES)
    shown: Preview | None = None
    refused: Refusal | None = None
    if form.is_valid():
        try:
            kept = _kept(request, form)
            shown = _preview(request, crew, choice, form, kept)
            if "launch" in request.POST and shown.result.is_good:
                order = form.batch_order(choice.version, list(shown.result.rows), kept)
                key = form.cleaned_data["key"]
                batch = actions.launch_batch(request.who, crew, order, idempotency_key=key)
                return redirect("batch", team=request.who.team.slug, batch_id=batch.pk)
        except Conflict:
            form.add_error(None, "This form was launched before, with other rows. Launch again to make another batch.")
            form.take_new_key()
        except Refusal as refusal:
            refused = refusal
            show_refusal(form, _as_typed(refusal))
    return _launch_page(request, crew, choice, form, shown, refused)


@member(Role.VIEWER)
@require_GET
def batches(request: TeamRequest) -> HttpResponse:
    context: dict[str, Any] = {}
    status = 200
    try:
        context["page"] = queries.list_batches(request.who, cursor=request.GET.get("cursor", ""), limit=SHOWN)
    except Invalid as refusal:
        context["refusal"], status = refusal, refusal.status
    return render(request, "runs/batches/batches.html", context, status=status)


@member(Role.VIEWER)
@require_GET
def batch(request: TeamRequest, batch_id: UUID) -> HttpResponse:
    """The same address gives the page and, to htmx, what changes while the batch runs. Once it is in another state than
    it ``was``, or nothing of it goes on by itself, the whole page is loaded anew."""
    try:
        page = _page(request, batch_id)
    except Invalid:
        return redirect("batch", team=request.who.team.slug, batch_id=batch_id)
    template = "runs/batches/_changed.html" if request.htmx else "runs/batches/batch.html"
    response = render(request, template, {"page": page})
    if request.htmx and not (page.goes_on and request.GET.get("was", page.batch.state) == page.batch.state):
        response["HX-Refresh"] = "true"
    return response


@member(Role.VIEWER)
@require_GET
def batch_events(request: TeamRequest, batch_id: UUID) -> StreamingHttpResponse:
    """What changes on the batch's page, as server-sent events. ``?seen=`` is the stamp of what the page shows."""
    found = fetch(Batch, request.who, pk=batch_id)
    seen = request.headers.get("Last-Event-ID") or request.GET.get("seen", "")
    return stream(page_events(found.pk, request.who, right_of_session(request), seen=seen))


@member(Role.RUNNER)
@require_http_methods(["GET", "POST"])
def change_batch(request: TeamRequest, batch_id: UUID) -> HttpResponse:
    """Pauses, lets go on, cancels or retries, as ``do`` says."""
    found = fetch(Batch, request.who, Role.RUNNER, pk=batch_id)
    back = redirect("batch", team=request.who.team.slug, batch_id=batch_id)
    if request.method == "GET":  # somebody opens the address of a refused form anew
        return back
    form = GoOnForm(request.POST)
    try:
        if request.POST.get("do") == "resume":
            if form.is_valid():
                actions.resume(request.who, found, **form.cleaned_data)
        elif act := ACTS.get(request.POST.get("do", "")):
            act(request.who, found)
        else:
            raise Http404("A batch can be paused, resumed, cancelled or retried.")
    except Invalid as refusal:
        show_refusal(form, refusal)
    except Refusal as refusal:
        messages.info(request, refusal.message)
    if form.is_bound and form.errors and request.POST.get("do") == "resume":
        context = {"page": _page(request, batch_id, form)}
        return render(request, "runs/batches/batch.html", context, status=422)
    return back


@member(Role.RUNNER)
@require_http_methods(["GET", "POST"])
def add_batch_rows(request: TeamRequest, batch_id: UUID) -> HttpResponse:
    """The form; sent once, what its table comes to; sent with ``add``, the batch with these rows behind its own."""
    found = fetch(Batch, request.who, Role.RUNNER, pk=batch_id, related=("team", "crew", "version"))
    spec = CrewSpec.from_json(found.version.spec)
    form = RowsForm(request.POST or None, request.FILES or None, initial={"after": found.row_count})
    form.take_columns(spec)
    shown: Preview | None = None
    refused: Refusal | None = None
    if form.is_valid():
        try:
            table, notes = _table(form)
            shown = rows_preview(found, spec, table, columns_chosen(spec, request.POST), notes)
            if "add" in request.POST and shown.result.is_good:
                rows = list(shown.result.rows)
                actions.add_rows(request.who, found, rows, after=form.cleaned_data["after"])
                return redirect("batch", team=request.who.team.slug, batch_id=batch_id)
        except Refusal as refusal:
            refused = refusal
            show_refusal(form, _as_typed(refusal))
    status = refused.status if refused else 422 if form.errors else 200
    page = RowsPage(found, form, placeholders(spec), shown)
    answer = render(request, "runs/batches/add_rows.html", {"page": page, "form": form}, status=status)
    return with_retry_after(answer, refused)


@member(Role.VIEWER)
@require_GET
def batch_csv(request: TeamRequest, batch_id: UUID) -> HttpResponseBase:
    found = _batch(request, batch_id)
    return _file(request, found, as_csv(found))


@member(Role.VIEWER)
@require_GET
def batch_jsonl(request: TeamRequest, batch_id: UUID) -> HttpResponseBase:
    return _file(request, _batch(request, batch_id), as_json_lines())


@member(Role.VIEWER)
@require_GET
def batch_xlsx(request: TeamRequest, batch_id: UUID) -> HttpResponseBase:
    found = _batch(request, batch_id)
    return _file(request, found, as_xlsx(found))


def _batch(request: TeamRequest, batch_id: UUID) -> Batch:
    return fetch(Batch, request.who, pk=batch_id, related=queries.RELATED)


def _page(request: TeamRequest, batch_id: UUID, form: GoOnForm | None = None) -> BatchPage:
    asked = request.GET
    found = _batch(request, batch_id)
    asked_of_rows = {name: asked.get(name, "") for name in ("sort", "cursor")}
    return batch_page(found, state=asked.get("status", ""), **asked_of_rows, go_on=form)


def _form(request: TeamRequest, choice: LaunchChoice, *sent: Any, **options: Any) -> BatchForm:
    return BatchForm(*sent, **options, spec=choice.spec, team=request.who.team, earlier=choice.earlier)


def _kept(request: TeamRequest, form: BatchForm) -> DataSetVersion | None:
    named = form.cleaned_data["data_set"]
    return named_version(request.who, named, field="data_set") if named else None


def _preview(
    request: TeamRequest, crew: Crew, choice: LaunchChoice, form: BatchForm, kept: DataSetVersion | None
) -> Preview:
    table, notes = _table(form) if kept is None else (table_of(kept), ())
    launch = launch_page(request.who, crew, choice)
    return preview(request.who, crew, launch, form, table, columns_chosen(choice.spec, request.POST), notes)


def _table(form: TableForm) -> tuple[InputTable, Sequence[str]]:
    """The table of the form, and what was guessed about its file."""
    text: str = form.cleaned_data["table"]
    notes: Sequence[str] = ()
    if upload := form.cleaned_data["file"]:
        text, notes = read_upload(upload.read())
        form.show_table(text)
    return read_table(text), notes


def _launch_page(
    request: TeamRequest,
    crew: Crew,
    choice: LaunchChoice,
    form: BatchForm,
    shown: Preview | None = None,
    refused: Refusal | None = None,
) -> HttpResponse:
    page = launch_page(request.who, crew, choice, form)
    status = refused.status if refused else 422 if form.errors else 200
    context = {"page": page, "form": form, "preview": shown, "names": placeholders(choice.spec)}
    context["data_sets"] = names_of_sets(request.who)
    return with_retry_after(render(request, "runs/batches/launch.html", context, status=status), refused)


def _as_typed(refusal: Refusal) -> Refusal:
    """With its fields as the form calls them."""
    if isinstance(refusal, Invalid) and refusal.fields:
        return Invalid(refusal.message, fields={FIELDS.get(name, name): said for name, said in refusal.fields.items()})
    return refusal


def _file(request: TeamRequest, found: Batch, form: Format) -> HttpResponseBase:
    return file_or_refusal(request, lambda: pieces(found), form, f"{found.crew.slug}-batch")
