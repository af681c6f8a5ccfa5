from uuid import UUID

from django.db import migrations, models

# Which batch a run was a row of is asked of its bill too: the sums of teams that have batches are written anew, as
# ``runs.ledger.rollups`` would have added them.
EMPTY = "DELETE FROM runs_billsum WHERE team_id IN (SELECT team_id FROM runs_batch)"
ADD_ENDED_RUNS = [
    "SET LOCAL statement_timeout = 0",
    """
    INSERT INTO runs_billsum (team_id, simulated, month, day, crew_id, version_id, person, api_token, labels,
    batch, agent, model, credential, kind, cost_class, state, prompt_tokens, cached_prompt_tokens,
    cache_write_tokens, completion_tokens, reasoning_tokens, successful_requests, spent_nusd, unpriced_calls,
    estimated_calls, calls, saved_nusd, cache_saved_nusd, prompt_nusd, cached_nusd, cache_write_nusd,
    completion_nusd, reasoning_nusd, citations_nusd, searches_nusd, request_nusd, seconds_nusd,
    beyond_ours_nusd, whole_nusd) SELECT run.team_id AS team_id, call.simulated AS simulated, call.billed_month
    AS month, (call.started_at AT TIME ZONE 'UTC')::date AS day, run.crew_id AS crew_id, run.version_id AS
    version_id, coalesce(run.created_by_id, run.former_created_by, 0) AS person, coalesce(run.api_token_id,
    run.former_api_token, 0) AS api_token, CASE WHEN run.metadata::text = '{}' THEN '' ELSE
    md5(run.metadata::jsonb::text) END AS labels, coalesce(run.batch_id, '00000000-0000-0000-0000-000000000000')
    AS batch, call.agent AS agent, call.model AS model, call.credential AS credential, call.kind AS kind,
    call.cost_class AS cost_class, run.state AS state, sum(call.prompt_tokens) AS prompt_tokens,
    sum(call.cached_prompt_tokens) AS cached_prompt_tokens, sum(call.cache_write_tokens) AS cache_write_tokens,
    sum(call.completion_tokens) AS completion_tokens, sum(call.reasoning_tokens) AS reasoning_tokens, count(*)
    FILTER (WHERE call.kind = 'model' AND call.state IN ('ok', 'late') AND NOT call.cache_hit) AS
    successful_requests, coalesce(sum(call.cost_nusd), 0) AS spent_nusd, count(*) FILTER (WHERE call.cost_nusd
    IS NULL) AS unpriced_calls, count(*) FILTER (WHERE call.usage_estimated) AS estimated_calls, count(*) AS
    calls, coalesce(sum(call.saved_nusd), 0) AS saved_nusd, coalesce(sum(round(1000 * call.cached_prompt_tokens
    * (call.input_usd_per_mtok - coalesce(call.cached_usd_per_mtok, call.input_usd_per_mtok)))::bigint), 0) AS
    cache_saved_nusd, coalesce(sum(call.prompt_nusd), 0) AS prompt_nusd, coalesce(sum(call.cached_nusd), 0) AS
    cached_nusd, coalesce(sum(call.cache_write_nusd), 0) AS cache_write_nusd,
    coalesce(sum(call.completion_nusd), 0) AS completion_nusd, coalesce(sum(call.reasoning_nusd), 0) AS
    reasoning_nusd, coalesce(sum(call.citations_nusd), 0) AS citations_nusd, coalesce(sum(call.searches_nusd),
    0) AS searches_nusd, coalesce(sum(call.request_nusd), 0) AS request_nusd, coalesce(sum(call.seconds_nusd),
    0) AS seconds_nusd, coalesce(sum(call.beyond_ours_nusd), 0) AS beyond_ours_nusd,
    coalesce(sum(call.cost_nusd) FILTER (WHERE call.prompt_nusd IS NULL), 0) AS whole_nusd FROM runs_run AS run
    JOIN runs_call AS call ON call.run_id = run.id WHERE run.finished_at IS NOT NULL AND call.state <> 'intent'
    AND run.team_id IN (SELECT team_id FROM runs_batch) GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14,
    15, 16
    """,
]
NO_BATCH = UUID(int=0)


class Migration(migrations.Migration):
    dependencies = [
        ("agents_app", "0007_library"),
        ("runs", "0050_rows_so_far_are_their_launchers"),
        ("teams", "0020_second_step"),
    ]

    operations = [
        migrations.RunSQL(EMPTY, migrations.RunSQL.noop),
        migrations.RemoveConstraint("billsum", "bill_sum_once"),
        migrations.AddField("billsum", "batch", models.UUIDField(db_default=NO_BATCH, default=NO_BATCH)),
        migrations.AddConstraint(
            "billsum",
            models.UniqueConstraint(
                fields=[
                    *("team", "simulated", "month", "day", "crew", "version", "person", "api_token", "labels"),
                    *("batch", "agent", "model", "credential", "kind", "cost_class", "state"),
                ],
                name="bill_sum_once",
            ),
        ),
        migrations.RunSQL(ADD_ENDED_RUNS, migrations.RunSQL.noop),
    ]
