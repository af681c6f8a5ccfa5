"""What an answer leads to: OpenAPI's links, by which programs and tests go from one operation to the next."""

from __future__ import annotations

from typing import Any


def _links(value: str, parameter: str, *operations: str) -> dict[str, Any]:
    """To operations that take what stands at that place of the answer as this parameter."""
    return {name: {"operationId": name, "parameters": {parameter: f"$response.body#/{value}"}} for name in operations}


_CREW = (
    "get_crew",
    "put_crew",
    "copy_crew",
    "delete_crew",
    "launch_run",
    "list_versions",
    "post_version",
    "export_crew",
)
_RUN = ("get_run", "list_calls", "get_findings", "cancel_run", "rerun", "rate_run", "add_comment", "list_comments")
_BATCH = ("get_batch", "pause_batch", "resume_batch", "cancel_batch", "retry_batch", "add_batch_rows")

LINKS: dict[str, dict[int, dict[str, Any]]] = {
    "post_crew": {201: _links("slug", "slug", *_CREW)},
    "copy_crew": {201: _links("slug", "slug", *_CREW)},
    "import_crew": {201: _links("crew/slug", "slug", *_CREW)},
    "copy_template": {201: _links("slug", "slug", *_CREW, "get_original")},
    "list_crews": {200: _links("items/0/slug", "slug", *_CREW)},
    "launch_run": {202: _links("id", "run_id", *_RUN)},
    "rerun": {202: _links("id", "run_id", *_RUN)},
    "list_runs": {200: _links("items/0/id", "run_id", *_RUN)},
    "launch_batch": {202: _links("id", "batch_id", *_BATCH)},
    "list_batches": {200: _links("items/0/id", "batch_id", *_BATCH)},
    "post_agent": {201: _links("id", "agent_id", "get_agent", "put_agent", "list_agent_versions", "withdraw_agent")},
    "share_version": {201: _links("id", "template_id", "get_template", "copy_template", "withdraw_template")},
    "add_comment": {201: _links("id", "comment_id", "change_comment", "delete_comment")},
    "post_document": {201: _links("id", "pk", "remove_document")},
    "create_view": {201: _links("id", "view_id", "patch_view", "delete_view")},
    "create_scenario": {201: _links("id", "scenario_id", "get_scenario", "rename_scenario", "delete_scenario")},
    "create_price": {201: _links("id", "price_id", "delete_price")},
    "create_provider": {201: _links("id", "provider_id", "get_provider", "patch_provider", "delete_provider")},
    "create_webhook": {201: _links("id", "webhook_id", "patch_webhook", "test_webhook", "delete_webhook")},
    "create_program": {201: _links("id", "program_id", "create_program_token")},
    "create_invitation": {201: _links("id", "invitation_id", "delete_invitation")},
    "list_tokens": {200: _links("items/0/id", "token_id", "delete_token")},
}
"""By operation and status."""
