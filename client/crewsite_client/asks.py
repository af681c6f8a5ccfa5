"""Every operation of the API that this client knows, as data: what is sent, and the type of what comes back.

Both clients send these, so that each is said once. A test finds each of them in the server's description of itself.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Generic, Literal, TypedDict, TypeVar
from urllib.parse import quote

from crewsite_client import answers
from crewsite_client.errors import Unsendable

T_co = TypeVar("T_co", covariant=True)
Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
ExportFormat = Literal["json", "yaml", "jsonc", "python"]
ResultsFormat = Literal["csv", "jsonl", "xlsx"]
BillFormat = Literal["json", "csv"]
YesOrNo = Literal["yes", "no"]
Money = Decimal | str
PAGE = 200
"""Items asked for at once, the most that the API gives."""


class RunOptions(TypedDict, total=False):
    """What a launch and the runs of a batch have in common. What is left out is the team's way."""

    version: int | None
    budget_usd: Money | None
    max_calls: int | None
    max_tokens: int | None
    max_seconds: int | None
    priority: str
    at_limit: str | None
    accept_unpriced: bool
    metadata: Mapping[str, Any]


class LaunchOptions(RunOptions, total=False):
    """``budget_usd`` is of the run."""


class BatchOptions(RunOptions, total=False):
    """``budget_usd`` is of the whole batch, ``run_budget_usd`` of each run. ``dataset``: rows of a data set, as
    ``leads`` or ``leads@3``, in place of inputs; ``columns``: which column of it fills an input."""

    name: str
    dataset: str | None
    columns: Mapping[str, str]
    max_concurrency: int
    stop_after_failures: int | None
    run_budget_usd: Money | None


class BatchBounds(TypedDict, total=False):
    max_concurrency: int | None
    stop_after_failures: int | None
    budget_usd: Money | None


@dataclass(frozen=True, slots=True)
class Ask(Generic[T_co]):
    """``route`` has names in braces, whose values are in ``names``. ``keyed``: done once under an ``Idempotency-Key``,
    which the client gives it unless its caller did (``key``). ``match``: the revision that it is about.
    ``accept``: of a file, the media type that is asked for."""

    method: Method
    route: str
    answer: type[T_co]
    names: Mapping[str, str | int] = field(default_factory=dict)
    query: Mapping[str, Any] = field(default_factory=dict)
    body: Mapping[str, Any] | None = None
    files: Sequence[tuple[str, bytes]] = ()
    keyed: bool = False
    key: str | None = None
    match: str | int | None = None
    accept: str = "*/*"

    @property
    def path(self) -> str:
        """Raises ``Unsendable`` for a name that would lead to another address."""
        return self.route.format_map({name: _quoted(str(value)) for name, value in self.names.items()})

    @property
    def parameters(self) -> dict[str, Any]:
        given = {name: value for name, value in self.query.items() if value not in (None, "", [], ())}
        for value in given.values():
            for text in value if isinstance(value, list) else [value]:
                _checked_text(str(text))
        return given

    @property
    def json_text(self) -> bytes | None:
        """The body as it is sent; a decimal is sent as its text. Raises ``Unsendable`` for what no JSON can say."""
        if self.body is None:
            return None
        try:
            return json.dumps(self.body, default=_json_of, ensure_ascii=False, allow_nan=False).encode()
        except (ValueError, RecursionError):  # also of half a pair of surrogates, which is no text
            raise Unsendable(
                "That cannot be sent as JSON: a text that is no Unicode, no number, or too deep."
            ) from None


def team() -> Ask[answers.Team]:
    return Ask("GET", "/team", answers.Team)


def crews(cursor: str = "", limit: int = PAGE) -> Ask[answers.Crews]:
    return Ask("GET", "/crews", answers.Crews, query={"cursor": cursor, "limit": limit})


def crew(slug: str) -> Ask[answers.Crew]:
    return Ask("GET", "/crews/{slug}", answers.Crew, {"slug": slug})


def replace_crew(slug: str, spec: Mapping[str, Any], revision: int | None) -> Ask[answers.Crew]:
    return Ask("PUT", "/crews/{slug}", answers.Crew, {"slug": slug}, body=spec, match=revision)


def import_source(
    source: str, filename: str, name: str, crews: Literal["all"] | Sequence[int] | None, key: str | None
) -> Ask[answers.Imported]:
    body = {"source": source, "filename": filename, "name": name, "crews": crews}
    return Ask("POST", "/crews/import", answers.Imported, body=body, keyed=True, key=key)


def import_files(
    files: Iterable[tuple[str, bytes]], name: str, crews: Literal["all"] | Sequence[int] | None, key: str | None
) -> Ask[answers.Imported]:
    which = crews if isinstance(crews, str) else ",".join(map(str, crews or ()))
    body = {"name": name, "crews": which}
    return Ask("POST", "/crews/import", answers.Imported, body=body, files=list(files), keyed=True, key=key)


def versions(slug: str, cursor: str = "", limit: int = 50) -> Ask[answers.Versions]:
    return Ask(
        "GET", "/crews/{slug}/versions", answers.Versions, {"slug": slug}, query={"cursor": cursor, "limit": limit}
    )


def save_version(slug: str, note: str, revision: int | None, key: str | None) -> Ask[answers.Version]:
    return Ask(
        "POST",
        "/crews/{slug}/versions",
        answers.Version,
        {"slug": slug},
        body={"note": note},
        keyed=True,
        key=key,
        match=revision,
    )


def export(slug: str, form: ExportFormat, version: int | None) -> Ask[answers.File]:
    return Ask("GET", "/crews/{slug}/export", answers.File, {"slug": slug}, query={"format": form, "version": version})


def export_report(slug: str, form: ExportFormat, version: int | None) -> Ask[answers.ExportReport]:
    query = {"format": form, "version": version}
    return Ask("GET", "/crews/{slug}/export/report", answers.ExportReport, {"slug": slug}, query=query)


def launch(
    slug: str, inputs: Mapping[str, Any], options: LaunchOptions, key: str | None, revision: int | None = None
) -> Ask[answers.Launched]:
    return Ask(
        "POST",
        "/crews/{slug}/runs",
        answers.Launched,
        {"slug": slug},
        body={"inputs": inputs, **options},
        keyed=True,
        key=key,
        match=revision,
    )


def runs(q: str, sort: str, cursor: str = "", limit: int = PAGE) -> Ask[answers.Runs]:
    return Ask("GET", "/runs", answers.Runs, query={"q": q, "sort": sort, "cursor": cursor, "limit": limit})


def run(run_id: str) -> Ask[answers.Run]:
    return Ask("GET", "/runs/{run_id}", answers.Run, {"run_id": run_id})


def calls(run_id: str, cursor: str = "", limit: int = PAGE) -> Ask[answers.Calls]:
    return Ask(
        "GET", "/runs/{run_id}/calls", answers.Calls, {"run_id": run_id}, query={"cursor": cursor, "limit": limit}
    )


def run_events(run_id: str) -> Ask[None]:
    return Ask("GET", "/runs/{run_id}/events", type(None), {"run_id": run_id})


def cancel_run(run_id: str, revision: int | None) -> Ask[answers.RunSummary]:
    return Ask("POST", "/runs/{run_id}/cancel", answers.RunSummary, {"run_id": run_id}, match=revision)


def rate_run(run_id: str, stars: int, comment: str) -> Ask[answers.Rated]:
    body = {"stars": stars, "comment": comment}
    return Ask("POST", "/runs/{run_id}/rating", answers.Rated, {"run_id": run_id}, body=body)


def launch_batch(
    slug: str,
    inputs: Iterable[Mapping[str, Any]],
    options: BatchOptions,
    key: str | None,
    revision: int | None = None,
) -> Ask[answers.BatchSummary]:
    return Ask(
        "POST",
        "/crews/{slug}/batches",
        answers.BatchSummary,
        {"slug": slug},
        body={"inputs": list(inputs), **options},
        keyed=True,
        key=key,
        match=revision,
    )


def estimate_batch(slug: str, inputs: Iterable[Mapping[str, Any]], options: BatchOptions) -> Ask[answers.BatchEstimate]:
    body = {"inputs": list(inputs), **options}
    return Ask("POST", "/crews/{slug}/batches/estimate", answers.BatchEstimate, {"slug": slug}, body=body)


def batches(cursor: str = "", limit: int = PAGE) -> Ask[answers.Batches]:
    return Ask("GET", "/batches", answers.Batches, query={"cursor": cursor, "limit": limit})


def batch(batch_id: str, status: str = "", cursor: str = "", limit: int = 1) -> Ask[answers.Batch]:
    query = {"status": status, "cursor": cursor, "limit": limit}
    return Ask("GET", "/batches/{batch_id}", answers.Batch, {"batch_id": batch_id}, query=query)


def batch_events(batch_id: str) -> Ask[None]:
    return Ask("GET", "/batches/{batch_id}/events", type(None), {"batch_id": batch_id})


def batch_results(batch_id: str, form: ResultsFormat) -> Ask[answers.File]:
    return Ask("GET", "/batches/{batch_id}/results", answers.File, {"batch_id": batch_id}, query={"format": form})


def change_batch(
    batch_id: str, what: Literal["pause", "cancel", "retry"], revision: int | None
) -> Ask[answers.BatchSummary]:
    return Ask("POST", f"/batches/{{batch_id}}/{what}", answers.BatchSummary, {"batch_id": batch_id}, match=revision)


def resume_batch(batch_id: str, bounds: BatchBounds, revision: int | None) -> Ask[answers.BatchSummary]:
    return Ask(
        "POST",
        "/batches/{batch_id}/resume",
        answers.BatchSummary,
        {"batch_id": batch_id},
        body={**bounds},
        match=revision,
    )


def add_batch_rows(
    batch_id: str, inputs: Iterable[Mapping[str, Any]], key: str | None, revision: int | None
) -> Ask[answers.BatchSummary]:
    return Ask(
        "POST",
        "/batches/{batch_id}/rows",
        answers.BatchSummary,
        {"batch_id": batch_id},
        body={"inputs": list(inputs)},
        keyed=True,
        key=key,
        match=revision,
    )


def compare(
    runs: Sequence[str],
    versions: Sequence[str],
    filters: Sequence[str],
    baseline: str,
    simulated: YesOrNo | None,
) -> Ask[answers.Comparison]:
    query = {
        "runs": ",".join(runs),
        "versions": ",".join(versions),
        "q": list(filters),
        "baseline": baseline,
        "simulated": simulated,
    }
    return Ask("GET", "/compare", answers.Comparison, query=query)


def bills(simulated: YesOrNo) -> Ask[answers.Months]:
    return Ask("GET", "/bills", answers.Months, query={"simulated": simulated})


def bill(month: str, simulated: YesOrNo) -> Ask[answers.Bill]:
    return Ask("GET", "/bills/{month}", answers.Bill, {"month": month}, query={"simulated": simulated})


def bill_lines(month: str, simulated: YesOrNo, group_by: Sequence[str]) -> Ask[answers.File]:
    query = {"simulated": simulated, "group_by": ",".join(group_by)}
    return Ask("GET", "/bills/{month}", answers.File, {"month": month}, query=query, accept="text/csv")


def closed_bill(month: str, form: BillFormat) -> Ask[answers.File]:
    accept = {"json": "application/json", "csv": "text/csv"}[form]
    return Ask("GET", "/bills/{month}/document", answers.File, {"month": month}, accept=accept)


def _quoted(name: str) -> str:
    if name in ("", ".", ".."):
        raise Unsendable(f"{name!r} is no name.")
    return quote(_checked_text(name), safe="")


def _checked_text(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise Unsendable("That cannot be sent: a text that is no Unicode.") from None
    return text


def _json_of(value: Any) -> str:
    if isinstance(value, Decimal):
        return str(value)
    raise TypeError(f"{type(value).__name__} cannot be sent as JSON.")
