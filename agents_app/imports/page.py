"""What the import page shows of a spec before it is saved."""

from __future__ import annotations

import json

from agents_app.graph.layout import graphs
from agents_app.queries import inputs_of
from engine.spec.crew_spec import CrewSpec
from engine.spec.validate import validate


def preview(spec: CrewSpec) -> dict[str, object]:
    """The page's context: the spec, also as JSON to be saved, its inputs, its complaints and its drawing."""
    text = json.dumps(spec.to_json(), ensure_ascii=False)
    return {
        "spec": spec,
        "spec_json": text,
        "inputs": inputs_of(spec),
        "complaints": validate(spec),
        **graphs(spec),
    }
