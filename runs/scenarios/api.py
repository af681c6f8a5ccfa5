"""The API's operations on scenarios. The rules and the figures are those of the pages."""

from typing import Any

from django.http import Http404
from ninja import Router, Status

from runs.api_csv import AS_CSV, csv_response, wants_csv
from runs.models import Scenario
from runs.named.queries import seen_by
from runs.scenarios import actions
from runs.scenarios.answer import answer
from runs.scenarios.asked import of_json
from runs.scenarios.csv_table import csv_text
from runs.scenarios.own_texts import measured
from runs.scenarios.queries import reopened
from runs.scenarios.schemas import (
    AnswerOut,
    AskedIn,
    NameIn,
    ReopenedOut,
    SavedList,
    SavedOut,
    ScenarioIn,
    TokenizerList,
    TokenizerOut,
)
from teams.api.bearer import ApiRequest, Bearer
from teams.api.error_body import ERRORS
from teams.api.idempotency import once
from teams.models import Role

router = Router(tags=["scenarios"])


@router.get("", response={200: SavedList, **ERRORS}, auth=Bearer(Role.VIEWER))
def list_scenarios(request: ApiRequest) -> dict[str, Any]:
    """The team's scenarios and the token's person's own, with the figures of when they were saved."""
    return {
        "items": [SavedOut.of(scenario) for scenario in seen_by(request.auth, Scenario).select_related("changed_by")],
        "next": None,
    }


@router.post("/answer", response={200: AnswerOut, **ERRORS}, auth=Bearer(Role.VIEWER), openapi_extra=AS_CSV)
def answer_scenario(request: ApiRequest, body: AskedIn) -> Any:
    """What the calls would have cost; as CSV if that is what ``Accept`` asks for. Nothing is saved or spent."""
    found = answer(request.auth, of_json(body.model_dump()))
    return csv_response(csv_text(found)) if wants_csv(request) else AnswerOut.of(found)


@router.post("/tokenizers", response={200: TokenizerList, **ERRORS}, auth=Bearer(Role.VIEWER))
def measure_tokenizers(request: ApiRequest, body: AskedIn) -> TokenizerList:
    """How differently the models of a question count the runs' own prompts: measured on the beginnings of the newest 20
    that are kept, for the first six pairs of models. Nothing is saved or spent."""
    found = measured(request.auth, answer(request.auth, of_json(body.model_dump())))
    return TokenizerList(items=list(map(TokenizerOut.of, found)))


@router.post("", response={201: SavedOut, **ERRORS}, auth=Bearer(Role.RUNNER))
def create_scenario(request: ApiRequest, body: ScenarioIn) -> Status[dict[str, Any]]:
    """Saves a question under a name, with the figures of now."""
    asked = of_json(body.asked.model_dump())

    def make() -> dict[str, Any]:
        who = request.auth
        return {"id": actions.save_scenario(who, body.name, asked, for_team=body.team, replace_it=body.replace).pk}

    return Status(201, SavedOut.of(_scenario(request, once(request, make)["id"])))


@router.get("/{int:scenario_id}", response={200: ReopenedOut, **ERRORS}, auth=Bearer(Role.VIEWER), openapi_extra=AS_CSV)
def get_scenario(request: ApiRequest, scenario_id: int) -> Any:
    """A saved scenario, with the figures of then and of now; those of now as CSV if ``Accept`` asks for that."""
    found = reopened(request.auth, _scenario(request, scenario_id))
    if wants_csv(request) and found.now is not None:
        return csv_response(csv_text(found.now))
    return ReopenedOut.of_reopened(found)


@router.patch("/{int:scenario_id}", response={200: SavedOut, **ERRORS}, auth=Bearer(Role.RUNNER))
def rename_scenario(request: ApiRequest, scenario_id: int, body: NameIn) -> dict[str, Any]:
    """Gives a scenario another name. What it asks stays."""
    return SavedOut.of(actions.rename_scenario(request.auth, _scenario(request, scenario_id), body.name))


@router.delete("/{int:scenario_id}", response={204: None, **ERRORS}, auth=Bearer(Role.RUNNER))
def delete_scenario(request: ApiRequest, scenario_id: int) -> Status[None]:
    """Removes a scenario. The runs stay."""
    actions.remove_scenario(request.auth, _scenario(request, scenario_id))
    return Status(204, None)


def _scenario(request: ApiRequest, pk: int) -> Scenario:
    """Raises ``Http404`` also for another person's own."""
    scenario = seen_by(request.auth, Scenario).filter(pk=pk).first()
    if scenario is None:
        raise Http404("No such scenario.")
    return scenario
