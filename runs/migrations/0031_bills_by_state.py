from django.conf import settings
from django.db import migrations, models

import runs.models.fields

# What a run gave is asked of its bill too, so the sums are told apart by its state: they are written anew, as
# ``runs.ledger.rollups`` would have added them.
EMPTY = "DELETE FROM runs_billsum"
ADD_ENDED_RUNS = [
    "SET LOCAL statement_timeout = 0",
    """
    INSERT INTO runs_billsum (team_id, simulated, month, day, crew_id, version_id, person, api_token, labels,
    agent, model, credential, kind, cost_class, state, prompt_tokens, cached_prompt_tokens, cache_write_tokens,
    completion_tokens, reasoning_tokens, successful_requests, spent_nusd, unpriced_calls, estimated_calls,
    calls, saved_nusd, cache_saved_nusd, prompt_nusd, cached_nusd, cache_write_nusd, completion_nusd,
    reasoning_nusd, citations_nusd, searches_nusd, request_nusd, beyond_ours_nusd, whole_nusd) SELECT
    run.team_id AS team_id, call.simulated AS simulated, call.billed_month AS month, (call.started_at AT TIME
    ZONE 'UTC')::date AS day, run.crew_id AS crew_id, run.version_id AS version_id, coalesce(run.created_by_id,
    run.former_created_by, 0) AS person, coalesce(run.api_token_id, run.former_api_token, 0) AS api_token, CASE
    WHEN run.metadata::text = '{}' THEN '' ELSE md5(run.metadata::jsonb::text) END AS labels, call.agent AS
    agent, call.model AS model, call.credential AS credential, call.kind AS kind, call.cost_class AS cost_class,
    run.state AS state, 1 * sum(call.prompt_tokens) AS prompt_tokens, 1 * sum(call.cached_prompt_tokens) AS
    cached_prompt_tokens, 1 * sum(call.cache_write_tokens) AS cache_write_tokens, 1 *
    sum(call.completion_tokens) AS completion_tokens, 1 * sum(call.reasoning_tokens) AS reasoning_tokens, 1 *
    count(*) FILTER (WHERE call.kind = 'model' AND call.state IN ('ok', 'late') AND NOT call.cache_hit) AS
    successful_requests, 1 * coalesce(sum(call.cost_nusd), 0) AS spent_nusd, 1 * count(*) FILTER (WHERE
    call.cost_nusd IS NULL) AS unpriced_calls, 1 * count(*) FILTER (WHERE call.usage_estimated) AS
    estimated_calls, 1 * count(*) AS calls, 1 * coalesce(sum(call.saved_nusd), 0) AS saved_nusd, 1 *
    coalesce(sum(round(1000 * call.cached_prompt_tokens * (call.input_usd_per_mtok -
    coalesce(call.cached_usd_per_mtok, call.input_usd_per_mtok)))::bigint), 0) AS cache_saved_nusd, 1 *
    coalesce(sum(call.prompt_nusd), 0) AS prompt_nusd, 1 * coalesce(sum(call.cached_nusd), 0) AS cached_nusd, 1
    * coalesce(sum(call.cache_write_nusd), 0) AS cache_write_nusd, 1 * coalesce(sum(call.completion_nusd), 0) AS
    completion_nusd, 1 * coalesce(sum(call.reasoning_nusd), 0) AS reasoning_nusd, 1 *
    coalesce(sum(call.citations_nusd), 0) AS citations_nusd, 1 * coalesce(sum(call.searches_nusd), 0) AS
    searches_nusd, 1 * coalesce(sum(call.request_nusd), 0) AS request_nusd, 1 *
    coalesce(sum(call.beyond_ours_nusd), 0) AS beyond_ours_nusd, 1 * coalesce(sum(call.cost_nusd) FILTER (WHERE
    call.prompt_nusd IS NULL), 0) AS whole_nusd FROM runs_run AS run JOIN runs_call AS call ON call.run_id =
    run.id WHERE run.finished_at IS NOT NULL AND call.state <> 'intent' AND true GROUP BY 1, 2, 3, 4, 5, 6, 7,
    8, 9, 10, 11, 12, 13, 14, 15
    """,
]
STATES = ["queued", "running", "waiting", "succeeded", "failed", "cancelled"]


class Migration(migrations.Migration):
    dependencies = [
        ("agents_app", "0005_json_as_it_was_written"),
        ("runs", "0030_sums_of_bills"),
        ("teams", "0012_test_provider_keys"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RunSQL(EMPTY, migrations.RunSQL.noop),
        migrations.RemoveConstraint("billsum", "bill_sum_once"),
        migrations.AddField(
            "billsum",
            "state",
            models.CharField(choices=[(state, state.capitalize()) for state in STATES], default="", max_length=10),
            preserve_default=False,
        ),
        migrations.AddConstraint(
            "billsum",
            models.UniqueConstraint(
                fields=[
                    *("team", "simulated", "month", "day", "crew", "version", "person", "api_token", "labels"),
                    *("agent", "model", "credential", "kind", "cost_class", "state"),
                ],
                name="bill_sum_once",
            ),
        ),
        migrations.AddField("run", "former_api_token", models.BigIntegerField(null=True)),
        migrations.AddField("run", "former_created_by", models.BigIntegerField(null=True)),
        migrations.AlterField(
            "run",
            "api_token",
            models.ForeignKey(
                null=True, on_delete=runs.models.fields.keeping_the_id, related_name="+", to="teams.apitoken"
            ),
        ),
        migrations.AlterField(
            "run",
            "created_by",
            models.ForeignKey(
                null=True,
                on_delete=runs.models.fields.keeping_the_id,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.RemoveIndex("call", "call_of_month"),
        migrations.AddIndex("call", models.Index(fields=["team", "billed_month", "id"], name="call_of_month")),
        migrations.RunSQL(ADD_ENDED_RUNS, migrations.RunSQL.noop),
    ]
