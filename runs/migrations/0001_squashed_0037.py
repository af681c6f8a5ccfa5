"""All tables as they are now, for a new database; one that has the migrations that this replaces needs nothing of it."""

import django.contrib.postgres.indexes
import django.contrib.postgres.search
import django.core.validators
import django.db.models.deletion
import django.db.models.expressions
import django.db.models.functions.comparison
import django.db.models.functions.datetime
import django.db.models.functions.text
from django.conf import settings
from django.db import migrations, models

import engine.record.journal
import runs.models.fields
import teams.models

CREATE_WORDS = """
DO $$
BEGIN
    CREATE EXTENSION IF NOT EXISTS pg_trgm;
    CREATE INDEX run_error_words ON runs_run USING gin (upper(error) gin_trgm_ops) WHERE error <> '';
EXCEPTION WHEN insufficient_privilege OR undefined_file OR undefined_object OR feature_not_supported THEN
    RAISE NOTICE 'Words of errors have no index: %', SQLERRM;
END
$$
"""

# A row of a made-up team may go with the team; nothing else of these tables ever goes or changes.
REFUSE = """
CREATE FUNCTION refuse_change_of_closed_bill() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    owner bigint;
BEGIN
    IF TG_TABLE_NAME = 'runs_closedline' THEN
        SELECT team_id INTO owner FROM runs_closedbill WHERE id = OLD.bill_id;
    ELSE
        owner := OLD.team_id;
    END IF;
    IF TG_OP = 'DELETE' AND EXISTS (SELECT FROM teams_team WHERE id = owner AND is_demo) THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION 'a closed bill is never changed' USING ERRCODE = 'restrict_violation';
END $$;
CREATE FUNCTION refuse_sums_of_closed_bill() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the bill of % of team % is closed', OLD.month, OLD.team_id USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER closed_bill_is_frozen BEFORE UPDATE OR DELETE ON runs_closedbill
    FOR EACH ROW EXECUTE FUNCTION refuse_change_of_closed_bill();
CREATE TRIGGER closed_line_is_frozen BEFORE UPDATE OR DELETE ON runs_closedline
    FOR EACH ROW EXECUTE FUNCTION refuse_change_of_closed_bill();
CREATE TRIGGER closing_entry_is_frozen BEFORE UPDATE OR DELETE ON runs_closingentry
    FOR EACH ROW EXECUTE FUNCTION refuse_change_of_closed_bill();
CREATE TRIGGER sums_of_closed_bill_are_frozen BEFORE UPDATE ON runs_bill
    FOR EACH ROW WHEN (OLD.closed_at IS NOT NULL AND (OLD.spent_nusd, OLD.reserved_nusd, OLD.closed_at)
                       IS DISTINCT FROM (NEW.spent_nusd, NEW.reserved_nusd, NEW.closed_at))
    EXECUTE FUNCTION refuse_sums_of_closed_bill();
"""

ALLOW = """
DROP TRIGGER sums_of_closed_bill_are_frozen ON runs_bill;
DROP TRIGGER closing_entry_is_frozen ON runs_closingentry;
DROP TRIGGER closed_line_is_frozen ON runs_closedline;
DROP TRIGGER closed_bill_is_frozen ON runs_closedbill;
DROP FUNCTION refuse_sums_of_closed_bill();
DROP FUNCTION refuse_change_of_closed_bill();
"""


class Migration(migrations.Migration):
    replaces = [
        ("runs", "0001_initial"),
        ("runs", "0002_initial"),
        ("runs", "0003_engine_complete"),
        ("runs", "0004_lost_calls_are_asked_about"),
        ("runs", "0005_notes"),
        ("runs", "0006_run_bounds"),
        ("runs", "0007_money_and_waits"),
        ("runs", "0008_price_tiers"),
        ("runs", "0009_invariant_checks"),
        ("runs", "0010_workers"),
        ("runs", "0011_alerts"),
        ("runs", "0012_pauses"),
        ("runs", "0013_requests_are_asked_about"),
        ("runs", "0014_workers_say_whether_they_stand_still"),
        ("runs", "0015_rollups_of_ended_runs"),
        ("runs", "0016_newest_runs_of_a_version"),
        ("runs", "0017_pinned_runs"),
        ("runs", "0018_texts_removed_at"),
        ("runs", "0019_rollups_by_task"),
        ("runs", "0020_orders_and_filters_of_runs"),
        ("runs", "0021_saved_views_of_runs"),
        ("runs", "0022_refused_answers_and_waits_for_money"),
        ("runs", "0023_wasted_calls_of_a_run"),
        ("runs", "0024_ratings_and_comments"),
        ("runs", "0025_indexes_of_crews_and_days"),
        ("runs", "0026_words_of_errors"),
        ("runs", "0027_prices_have_parts"),
        ("runs", "0028_json_as_it_was_written"),
        ("runs", "0029_note_at_output"),
        ("runs", "0030_sums_of_bills"),
        ("runs", "0031_bills_by_state"),
        ("runs", "0032_orders_by_waste_and_queue"),
        ("runs", "0033_prices_from_a_date"),
        ("runs", "0034_sums_of_days_and_reports"),
        ("runs", "0035_scenarios"),
        ("runs", "0036_closed_bills"),
        ("runs", "0037_checks_against_providers"),
    ]

    initial = True

    dependencies = [
        ("agents_app", "0001_squashed_0005"),
        ("teams", "0001_squashed_0013"),
    ]

    operations = [
        migrations.CreateModel(
            name="Alert",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "team",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="alerts", to="teams.team"
                    ),
                ),
                ("kind", models.CharField(choices=[("team", "Team"), ("member", "Member")], max_length=6)),
                (
                    "user",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("month", models.DateField(help_text="first day of the month, in UTC")),
                ("threshold", models.PositiveSmallIntegerField(help_text="percent")),
                ("budget_nusd", models.BigIntegerField()),
                ("spent_nusd", models.BigIntegerField()),
                ("reserved_nusd", models.BigIntegerField()),
                ("unpriced_calls", models.IntegerField(db_default=0, default=0)),
                ("made_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
            ],
            options={
                "indexes": [models.Index(fields=["team", "-made_at"], name="alert_newest")],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("team", "kind", "user", "month", "threshold", "budget_nusd"),
                        name="alert_once_per_budget_figure",
                        nulls_distinct=False,
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("kind__in", ["team", "member"])), name="alert_kind_known"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("threshold__in", (50, 80, 100))), name="alert_threshold_known"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("kind", "team"), ("user", None)),
                            models.Q(("kind", "member"), ("user__isnull", False)),
                            _connector="OR",
                        ),
                        name="alert_of_member_names_one",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("budget_nusd__gte", 0)), name="alert_budget_nusd_not_negative"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("spent_nusd__gte", 0)), name="alert_spent_nusd_not_negative"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("reserved_nusd__gte", 0)), name="alert_reserved_nusd_not_negative"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Allowance",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "team",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="allowances", to="teams.team"
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                ("month", models.DateField(help_text="first day of the month, in UTC")),
                ("budget_nusd", models.BigIntegerField(null=True)),
                ("spent_nusd", models.BigIntegerField(default=0)),
                ("reserved_nusd", models.BigIntegerField(default=0)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("team", "user", "month"), name="allowance_once_per_month"),
                    models.CheckConstraint(condition=models.Q(("month__day", 1)), name="allowance_month_is_first_day"),
                    models.CheckConstraint(
                        condition=models.Q(("reserved_nusd__gte", 0)), name="allowance_reserved_nusd_not_negative"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("budget_nusd__gte", 0)), name="allowance_budget_nusd_not_negative"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Bill",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "team",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="bills", to="teams.team"
                    ),
                ),
                ("month", models.DateField(help_text="first day of the month, in UTC")),
                ("budget_nusd", models.BigIntegerField(null=True)),
                ("spent_nusd", models.BigIntegerField(default=0)),
                ("reserved_nusd", models.BigIntegerField(default=0)),
                ("closed_at", models.DateTimeField(null=True)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("team", "month"), name="bill_once_per_month"),
                    models.CheckConstraint(condition=models.Q(("month__day", 1)), name="bill_month_is_first_day"),
                    models.CheckConstraint(
                        condition=models.Q(("reserved_nusd__gte", 0)), name="bill_reserved_nusd_not_negative"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("budget_nusd__gte", 0)), name="bill_budget_nusd_not_negative"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="BillSum",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("prompt_tokens", models.BigIntegerField(default=0)),
                ("cached_prompt_tokens", models.BigIntegerField(default=0)),
                ("cache_write_tokens", models.BigIntegerField(default=0)),
                ("completion_tokens", models.BigIntegerField(default=0)),
                ("reasoning_tokens", models.BigIntegerField(default=0)),
                ("successful_requests", models.IntegerField(default=0)),
                ("spent_nusd", models.BigIntegerField(default=0)),
                ("unpriced_calls", models.IntegerField(default=0)),
                ("estimated_calls", models.IntegerField(default=0)),
                (
                    "team",
                    models.ForeignKey(
                        db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="teams.team"
                    ),
                ),
                ("simulated", models.BooleanField()),
                ("month", models.DateField(help_text="their ``billed_month``")),
                ("day", models.DateField(help_text="on which they were opened, in UTC")),
                (
                    "crew",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="agents_app.crew",
                    ),
                ),
                (
                    "version",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="agents_app.crewversion",
                    ),
                ),
                ("person", models.BigIntegerField()),
                ("api_token", models.BigIntegerField()),
                ("labels", models.CharField(blank=True, max_length=32)),
                ("agent", models.CharField(blank=True, max_length=64)),
                ("model", models.CharField(blank=True, max_length=200)),
                ("credential", models.CharField(blank=True, max_length=120)),
                ("kind", models.CharField(max_length=5)),
                (
                    "cost_class",
                    models.CharField(
                        choices=[
                            ("work", "Work"),
                            ("planning", "Planning"),
                            ("manager", "Manager"),
                            ("guardrail", "Guardrail"),
                            ("retry", "Retry"),
                            ("rejected", "Rejected"),
                            ("failed", "Failed"),
                            ("cancelled", "Cancelled"),
                            ("duplicate", "Duplicate"),
                            ("cache_hit", "Cache Hit"),
                        ],
                        max_length=10,
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("queued", "Queued"),
                            ("running", "Running"),
                            ("waiting", "Waiting"),
                            ("succeeded", "Succeeded"),
                            ("failed", "Failed"),
                            ("cancelled", "Cancelled"),
                        ],
                        max_length=10,
                    ),
                ),
                ("calls", models.IntegerField(default=0)),
                ("saved_nusd", models.BigIntegerField(default=0)),
                ("cache_saved_nusd", models.BigIntegerField(default=0)),
                ("prompt_nusd", models.BigIntegerField(default=0)),
                ("cached_nusd", models.BigIntegerField(default=0)),
                ("cache_write_nusd", models.BigIntegerField(default=0)),
                ("completion_nusd", models.BigIntegerField(default=0)),
                ("reasoning_nusd", models.BigIntegerField(default=0)),
                ("citations_nusd", models.BigIntegerField(default=0)),
                ("searches_nusd", models.BigIntegerField(default=0)),
                ("request_nusd", models.BigIntegerField(default=0)),
                ("seconds_nusd", models.BigIntegerField(db_default=0, default=0)),
                ("beyond_ours_nusd", models.BigIntegerField(default=0)),
                ("whole_nusd", models.BigIntegerField(default=0)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=(
                            "team",
                            "simulated",
                            "month",
                            "day",
                            "crew",
                            "version",
                            "person",
                            "api_token",
                            "labels",
                            "agent",
                            "model",
                            "credential",
                            "kind",
                            "cost_class",
                            "state",
                        ),
                        name="bill_sum_once",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="CallSum",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("prompt_tokens", models.BigIntegerField(default=0)),
                ("cached_prompt_tokens", models.BigIntegerField(default=0)),
                ("cache_write_tokens", models.BigIntegerField(default=0)),
                ("completion_tokens", models.BigIntegerField(default=0)),
                ("reasoning_tokens", models.BigIntegerField(default=0)),
                ("successful_requests", models.IntegerField(default=0)),
                ("spent_nusd", models.BigIntegerField(default=0)),
                ("unpriced_calls", models.IntegerField(default=0)),
                ("estimated_calls", models.IntegerField(default=0)),
                (
                    "team",
                    models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="+", to="teams.team"),
                ),
                (
                    "crew",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="agents_app.crew"
                    ),
                ),
                (
                    "version",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="agents_app.crewversion"
                    ),
                ),
                ("simulated", models.BooleanField()),
                ("hour", models.DateTimeField(help_text="in which their runs were launched")),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("queued", "Queued"),
                            ("running", "Running"),
                            ("waiting", "Waiting"),
                            ("succeeded", "Succeeded"),
                            ("failed", "Failed"),
                            ("cancelled", "Cancelled"),
                        ],
                        max_length=10,
                    ),
                ),
                ("model", models.CharField(blank=True, max_length=200)),
                (
                    "cost_class",
                    models.CharField(
                        choices=[
                            ("work", "Work"),
                            ("planning", "Planning"),
                            ("manager", "Manager"),
                            ("guardrail", "Guardrail"),
                            ("retry", "Retry"),
                            ("rejected", "Rejected"),
                            ("failed", "Failed"),
                            ("cancelled", "Cancelled"),
                            ("duplicate", "Duplicate"),
                            ("cache_hit", "Cache Hit"),
                        ],
                        max_length=10,
                    ),
                ),
                ("calls", models.IntegerField(default=0)),
                ("saved_nusd", models.BigIntegerField(default=0)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("team", "simulated", "hour", "crew", "version", "state", "model", "cost_class"),
                        name="call_sum_once",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("state__in", ["queued", "running", "waiting", "succeeded", "failed", "cancelled"])
                        ),
                        name="call_sum_state_known",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="ClosingEntry",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "team",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="closings", to="teams.team"
                    ),
                ),
                ("number", models.IntegerField()),
                ("month", models.DateField()),
                ("closed_at", models.DateTimeField()),
                ("closed_by", models.CharField(max_length=255)),
                ("by_token", models.CharField(blank=True, max_length=120)),
                ("total_nusd", models.BigIntegerField()),
                ("sha256", models.CharField(max_length=64)),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("team", "number"), name="closing_entry_once")],
            },
        ),
        migrations.CreateModel(
            name="DaySum",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "team",
                    models.ForeignKey(
                        db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="teams.team"
                    ),
                ),
                ("simulated", models.BooleanField()),
                ("month", models.DateField(help_text="their ``billed_month``")),
                ("day", models.DateField(help_text="on which they were opened, in UTC")),
                (
                    "crew",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="agents_app.crew",
                    ),
                ),
                ("person", models.BigIntegerField()),
                ("calls", models.IntegerField(default=0)),
                ("spent_nusd", models.BigIntegerField(default=0)),
                ("unpriced_calls", models.IntegerField(default=0)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("team", "simulated", "month", "day", "crew", "person"), name="day_sum_once"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="ExportColumns",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "team",
                    models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="+", to="teams.team"),
                ),
                ("digest", models.CharField(max_length=64)),
                ("choice", teams.models.KeptJSON()),
                (
                    "said_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("team", "digest"), name="export_columns_once_per_head")
                ],
            },
        ),
        migrations.CreateModel(
            name="InvariantCheck",
            fields=[
                ("day", models.DateField(help_text="in UTC", primary_key=True, serialize=False)),
                ("checked_at", models.DateTimeField()),
                ("took_ms", models.IntegerField(null=True)),
                ("violations", models.JSONField(default=list)),
            ],
        ),
        migrations.CreateModel(
            name="Lane",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "team",
                    models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="+", to="teams.team"),
                ),
                ("credential", models.CharField(max_length=120)),
                ("model", models.CharField(max_length=200)),
                ("window", models.FloatField(null=True)),
                ("shrunk_at", models.DateTimeField(null=True)),
                ("paused_until", models.DateTimeField(null=True)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("team", "credential", "model"), name="lane_once_per_key_and_model")
                ],
            },
        ),
        migrations.CreateModel(
            name="LaunchLabels",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "team",
                    models.ForeignKey(
                        db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="teams.team"
                    ),
                ),
                ("digest", models.CharField(max_length=32)),
                ("labels", teams.models.KeptJSON()),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("team", "digest"), name="launch_labels_once")],
            },
        ),
        migrations.CreateModel(
            name="Note",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "crew",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="agents_app.crew"
                    ),
                ),
                ("agent", models.CharField(max_length=64)),
                ("simulated", models.BooleanField(default=False)),
                ("text", models.TextField()),
                ("folded", models.TextField()),
                ("digest", models.CharField(max_length=64)),
                ("created_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                (
                    "search",
                    models.GeneratedField(
                        db_persist=True,
                        expression=django.contrib.postgres.search.CombinedSearchVector(
                            django.contrib.postgres.search.SearchVector("folded", config="simple", weight="A"),
                            "||",
                            django.contrib.postgres.search.SearchVector("folded", config="english", weight="B"),
                            django.contrib.postgres.search.SearchConfig("simple"),
                        ),
                        output_field=django.contrib.postgres.search.SearchVectorField(),
                    ),
                ),
            ],
            options={
                "indexes": [django.contrib.postgres.indexes.GinIndex(fields=["search"], name="note_search")],
                "constraints": [
                    models.UniqueConstraint(fields=("crew", "agent", "simulated", "digest"), name="note_once_per_agent")
                ],
            },
        ),
        migrations.CreateModel(
            name="PriceQuote",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "team",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="price_quotes",
                        to="teams.team",
                    ),
                ),
                ("model", models.CharField(max_length=200)),
                ("begins_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("until", models.DateTimeField(blank=True, null=True)),
                ("ends_at", models.DateTimeField(blank=True, null=True)),
                ("like", models.CharField(blank=True, db_default="", default="", max_length=200)),
                ("discount_percent", models.DecimalField(blank=True, decimal_places=4, max_digits=7, null=True)),
                ("input_usd_per_mtok", models.DecimalField(decimal_places=10, max_digits=20, null=True)),
                ("output_usd_per_mtok", models.DecimalField(decimal_places=10, max_digits=20, null=True)),
                ("cached_usd_per_mtok", models.DecimalField(blank=True, decimal_places=10, max_digits=20, null=True)),
                (
                    "cache_write_usd_per_mtok",
                    models.DecimalField(blank=True, decimal_places=10, max_digits=20, null=True),
                ),
                (
                    "reasoning_usd_per_mtok",
                    models.DecimalField(blank=True, decimal_places=10, max_digits=20, null=True),
                ),
                ("request_usd", models.DecimalField(blank=True, decimal_places=10, max_digits=20, null=True)),
                ("search_usd", models.DecimalField(blank=True, decimal_places=10, max_digits=20, null=True)),
                ("citation_usd_per_mtok", models.DecimalField(blank=True, decimal_places=10, max_digits=20, null=True)),
                ("extra_reserve_usd", models.DecimalField(blank=True, decimal_places=10, max_digits=20, null=True)),
                ("second_usd", models.DecimalField(blank=True, decimal_places=10, max_digits=20, null=True)),
                ("note", models.CharField(blank=True, db_default="", default="", max_length=200)),
                ("source", models.CharField(blank=True, max_length=80)),
                (
                    "made_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "verbose_name": "price",
                "indexes": [models.Index(fields=["model", "-begins_at"], name="price_newest")],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("team", "model", "begins_at"), name="price_once_per_moment", nulls_distinct=False
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("discount_percent", None),
                                ("input_usd_per_mtok__isnull", False),
                                ("like", ""),
                                ("output_usd_per_mtok__isnull", False),
                            ),
                            models.Q(
                                models.Q(
                                    models.Q(("like", ""), _negated=True),
                                    ("discount_percent__isnull", False),
                                    _connector="OR",
                                ),
                                ("input_usd_per_mtok", None),
                                ("output_usd_per_mtok", None),
                                ("team__isnull", False),
                            ),
                            _connector="OR",
                        ),
                        name="price_has_figures_or_refers_to_another",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("discount_percent__gte", -100), ("discount_percent__lte", 100)),
                        name="price_discount_is_a_share",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("until__gt", models.F("begins_at"))), name="price_ends_after_it_begins"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("input_usd_per_mtok__gte", 0)), name="price_input_usd_per_mtok_not_negative"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("output_usd_per_mtok__gte", 0)),
                        name="price_output_usd_per_mtok_not_negative",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("cached_usd_per_mtok__gte", 0)),
                        name="price_cached_usd_per_mtok_not_negative",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("cache_write_usd_per_mtok__gte", 0)),
                        name="price_cache_write_usd_per_mtok_not_negative",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("reasoning_usd_per_mtok__gte", 0)),
                        name="price_reasoning_usd_per_mtok_not_negative",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("request_usd__gte", 0)), name="price_request_usd_not_negative"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("search_usd__gte", 0)), name="price_search_usd_not_negative"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("citation_usd_per_mtok__gte", 0)),
                        name="price_citation_usd_per_mtok_not_negative",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("extra_reserve_usd__gte", 0)), name="price_extra_reserve_usd_not_negative"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("second_usd__gte", 0)), name="price_second_usd_not_negative"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Reconciliation",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "team",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="reconciliations", to="teams.team"
                    ),
                ),
                (
                    "made_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("made_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("name", models.CharField(max_length=200)),
                ("provider", models.CharField(max_length=40)),
                ("since", models.DateField()),
                ("until", models.DateField(help_text="the last day, in UTC")),
                ("theirs_nusd", models.BigIntegerField(null=True)),
                ("ours_nusd", models.BigIntegerField()),
                ("theirs", teams.models.KeptJSON()),
                ("ours", teams.models.KeptJSON()),
                ("notes", teams.models.KeptJSON(default=list)),
            ],
            options={
                "verbose_name": "check against a provider",
                "ordering": ["-made_at", "-pk"],
                "indexes": [models.Index(fields=["team", "-made_at", "-id"], name="reconciliation_newest")],
            },
        ),
        migrations.CreateModel(
            name="Report",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "team",
                    models.ForeignKey(
                        db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name="+", to="teams.team"
                    ),
                ),
                ("kind", models.CharField(choices=[("week", "Week"), ("month", "Month")], max_length=5)),
                ("begins", models.DateField(help_text="first day of the week or month, in UTC")),
                ("figures", teams.models.KeptJSON(null=True)),
                ("made_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("team", "kind", "begins"), name="report_once_per_period"),
                    models.CheckConstraint(
                        condition=models.Q(("kind__in", ["week", "month"])), name="report_kind_known"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="ReportWish",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "team",
                    models.ForeignKey(
                        db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name="+", to="teams.team"
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                ("week_since", models.DateTimeField(null=True)),
                ("month_since", models.DateTimeField(null=True)),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("team", "user"), name="report_wish_once_per_member")],
            },
        ),
        migrations.CreateModel(
            name="Run",
            fields=[
                ("prompt_tokens", models.BigIntegerField(default=0)),
                ("cached_prompt_tokens", models.BigIntegerField(default=0)),
                ("cache_write_tokens", models.BigIntegerField(default=0)),
                ("completion_tokens", models.BigIntegerField(default=0)),
                ("reasoning_tokens", models.BigIntegerField(default=0)),
                ("successful_requests", models.IntegerField(default=0)),
                ("spent_nusd", models.BigIntegerField(default=0)),
                ("unpriced_calls", models.IntegerField(default=0)),
                ("estimated_calls", models.IntegerField(default=0)),
                (
                    "id",
                    models.UUIDField(
                        default=runs.models.fields.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                (
                    "team",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="runs",
                        to="teams.team",
                    ),
                ),
                (
                    "crew",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="runs",
                        to="agents_app.crew",
                    ),
                ),
                (
                    "version",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="runs",
                        to="agents_app.crewversion",
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("queued", "Queued"),
                            ("running", "Running"),
                            ("waiting", "Waiting"),
                            ("succeeded", "Succeeded"),
                            ("failed", "Failed"),
                            ("cancelled", "Cancelled"),
                        ],
                        default="queued",
                        max_length=10,
                    ),
                ),
                ("waiting_for", models.CharField(blank=True, max_length=40)),
                ("simulated", models.BooleanField(default=False)),
                (
                    "priority",
                    models.CharField(
                        choices=[("low", "Low"), ("normal", "Normal"), ("high", "High")], default="normal", max_length=6
                    ),
                ),
                (
                    "rank",
                    models.GeneratedField(
                        db_persist=True,
                        expression=models.Case(
                            models.When(priority="high", then=models.Value(0)),
                            models.When(priority="low", then=models.Value(2)),
                            default=models.Value(1),
                        ),
                        output_field=models.SmallIntegerField(),
                    ),
                ),
                ("inputs", teams.models.KeptJSON(default=dict)),
                ("metadata", teams.models.KeptJSON(default=dict)),
                (
                    "created_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=runs.models.fields.keeping_the_id,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "api_token",
                    models.ForeignKey(
                        null=True, on_delete=runs.models.fields.keeping_the_id, related_name="+", to="teams.apitoken"
                    ),
                ),
                ("former_created_by", models.BigIntegerField(null=True)),
                ("former_api_token", models.BigIntegerField(null=True)),
                ("idempotency_key", models.CharField(max_length=200, null=True)),
                ("request_hash", models.CharField(blank=True, max_length=64)),
                ("budget_nusd", models.BigIntegerField(null=True)),
                ("reserved_nusd", models.BigIntegerField(default=0)),
                (
                    "at_limit",
                    models.CharField(
                        choices=[("pause", "Pause"), ("stop", "Stop"), ("fallback", "Fallback")],
                        default="pause",
                        max_length=8,
                    ),
                ),
                ("needs_nusd", models.BigIntegerField(null=True)),
                ("accepts_unpriced", models.BooleanField(db_default=False, default=False)),
                ("max_calls", models.PositiveIntegerField(null=True)),
                ("max_tokens", models.PositiveIntegerField(null=True)),
                ("max_seconds", models.PositiveIntegerField(null=True)),
                ("created_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("started_at", models.DateTimeField(null=True)),
                ("finished_at", models.DateTimeField(null=True)),
                ("paused_at", models.DateTimeField(null=True)),
                ("paused_s", models.FloatField(default=0)),
                ("cancel_requested_at", models.DateTimeField(null=True)),
                ("rung_at", models.DateTimeField(null=True)),
                ("lease_owner", models.CharField(blank=True, max_length=120)),
                ("lease_epoch", models.IntegerField(default=0)),
                ("lease_until", models.DateTimeField(null=True)),
                ("takeovers", models.IntegerField(default=0)),
                ("fruitless_takeovers", models.SmallIntegerField(default=0)),
                ("output_raw", models.TextField(blank=True)),
                ("output_json", teams.models.KeptJSON(null=True)),
                ("error_code", models.CharField(blank=True, max_length=40)),
                ("error", models.TextField(blank=True)),
                ("texts_removed_at", models.DateTimeField(null=True)),
                ("revision", models.BigIntegerField(default=1)),
                ("rating_sum", models.IntegerField(db_default=0, default=0)),
                ("rating_count", models.IntegerField(db_default=0, default=0)),
                (
                    "ended_nusd",
                    models.GeneratedField(
                        db_persist=True,
                        expression=models.Case(
                            models.When(state__in=("succeeded", "failed", "cancelled"), then=models.F("spent_nusd")),
                            default=models.Value(-1),
                        ),
                        output_field=models.BigIntegerField(),
                    ),
                ),
                (
                    "ended_tokens",
                    models.GeneratedField(
                        db_persist=True,
                        expression=models.Case(
                            models.When(
                                state__in=("succeeded", "failed", "cancelled"),
                                then=django.db.models.expressions.CombinedExpression(
                                    models.F("prompt_tokens"), "+", models.F("completion_tokens")
                                ),
                            ),
                            default=models.Value(-1),
                        ),
                        output_field=models.BigIntegerField(),
                    ),
                ),
                (
                    "ended_calls",
                    models.GeneratedField(
                        db_persist=True,
                        expression=models.Case(
                            models.When(
                                state__in=("succeeded", "failed", "cancelled"), then=models.F("successful_requests")
                            ),
                            default=models.Value(-1),
                        ),
                        output_field=models.BigIntegerField(),
                    ),
                ),
                (
                    "ended_ms",
                    models.GeneratedField(
                        db_persist=True,
                        expression=models.Case(
                            models.When(
                                state__in=("succeeded", "failed", "cancelled"),
                                then=django.db.models.functions.comparison.Coalesce(
                                    runs.models.fields.Milliseconds(models.F("finished_at"), models.F("started_at")),
                                    models.Value(-1),
                                ),
                            ),
                            default=models.Value(-1),
                        ),
                        output_field=models.BigIntegerField(),
                    ),
                ),
                (
                    "ended_queued_ms",
                    models.GeneratedField(
                        db_persist=True,
                        expression=models.Case(
                            models.When(
                                state__in=("succeeded", "failed", "cancelled"),
                                then=django.db.models.functions.comparison.Greatest(
                                    runs.models.fields.Milliseconds(
                                        django.db.models.functions.comparison.Coalesce("started_at", "finished_at"),
                                        models.F("created_at"),
                                    ),
                                    models.Value(0),
                                ),
                            ),
                            default=models.Value(-1),
                        ),
                        output_field=models.BigIntegerField(),
                    ),
                ),
                ("ended_waste_nusd", models.BigIntegerField(db_default=-1, default=-1)),
            ],
            options={
                "indexes": [
                    models.Index(fields=["team", "-id"], name="run_team_newest"),
                    models.Index(fields=["crew", "id"], name="run_of_crew"),
                    models.Index(fields=["team", "simulated", "created_at"], name="run_launched"),
                    models.Index(fields=["team", "-ended_nusd", "-id"], name="run_dearest"),
                    models.Index(fields=["team", "-ended_ms", "-id"], name="run_longest"),
                    models.Index(fields=["team", "-ended_tokens", "-id"], name="run_most_tokens"),
                    models.Index(fields=["team", "-ended_calls", "-id"], name="run_most_calls"),
                    models.Index(fields=["team", "-ended_queued_ms", "-id"], name="run_queued_longest"),
                    models.Index(fields=["team", "-ended_waste_nusd", "-id"], name="run_most_waste"),
                    models.Index(fields=["team", "state", "id"], name="run_in_state"),
                    models.Index(fields=["team", "created_by", "id"], name="run_launched_by"),
                    models.Index(
                        condition=models.Q(("error", ""), _negated=True), fields=["team", "-id"], name="run_with_error"
                    ),
                    models.Index(fields=["version", "simulated", "-id"], name="run_version_newest"),
                    models.Index(fields=["version", "-id"], name="run_of_version"),
                    models.Index(fields=["crew", "-ended_nusd", "-id"], name="run_of_crew_dearest"),
                    models.Index(
                        condition=models.Q(("state", "queued")), fields=["team", "rank", "id"], name="run_in_line"
                    ),
                    models.Index(condition=models.Q(("state", "running")), fields=["team"], name="run_in_progress"),
                    models.Index(
                        condition=models.Q(("state__in", ["queued", "running"])),
                        fields=["rung_at"],
                        name="run_claimable",
                    ),
                    models.Index(condition=models.Q(("state", "waiting")), fields=["waiting_for"], name="run_waiting"),
                    models.Index(fields=["team", "created_by", "created_at"], name="run_of_person"),
                    models.Index(
                        condition=models.Q(("state__in", ["queued", "running", "waiting"])),
                        fields=["state", "team"],
                        name="run_live",
                    ),
                    models.Index(fields=["started_at"], name="run_started"),
                    models.Index(
                        condition=models.Q(("error_code__in", ("run_budget", "team_budget", "user_budget"))),
                        fields=["team", "finished_at"],
                        name="run_stopped_at_budget",
                    ),
                    models.Index(
                        condition=models.Q(("finished_at__isnull", False), ("texts_removed_at", None)),
                        fields=["team", "finished_at"],
                        name="run_with_texts",
                    ),
                    models.Index(condition=models.Q(("rating_count__gt", 0)), fields=["team", "-id"], name="run_rated"),
                    django.contrib.postgres.indexes.GinIndex(
                        django.contrib.postgres.indexes.OpClass(
                            django.db.models.functions.comparison.Cast("metadata", models.JSONField()),
                            name="jsonb_path_ops",
                        ),
                        name="run_metadata",
                    ),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("state__in", ["queued", "running", "waiting", "succeeded", "failed", "cancelled"])
                        ),
                        name="run_state_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("priority__in", ["low", "normal", "high"])), name="run_priority_known"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("at_limit__in", ["pause", "stop", "fallback"])), name="run_at_limit_known"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("spent_nusd__gte", 0)), name="run_spent_nusd_not_negative"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("reserved_nusd__gte", 0)), name="run_reserved_nusd_not_negative"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("budget_nusd__gte", 0)), name="run_budget_nusd_not_negative"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("needs_nusd__gte", 0)), name="run_needs_nusd_not_negative"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("lease_epoch__gte", 0)), name="run_lease_epoch_not_negative"
                    ),
                    models.UniqueConstraint(fields=("team", "idempotency_key"), name="run_once_per_idempotency_key"),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("state__in", ("succeeded", "failed", "cancelled")), _negated=True),
                            models.Q(("lease_owner", ""), ("lease_until", None)),
                            _connector="OR",
                        ),
                        name="run_ended_has_no_lease",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("finished_at__isnull", False), ("state__in", ("succeeded", "failed", "cancelled"))
                            ),
                            models.Q(("finished_at__isnull", True), ("state__in", ("queued", "running", "waiting"))),
                            _connector="OR",
                        ),
                        name="run_finished_at_iff_ended",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("lease_until", None), ("state", "running"), _connector="OR"),
                        name="run_lease_only_while_running",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("waiting_for", ""), ("state", "waiting"), _connector="OR"),
                        name="run_waits_only_while_waiting",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="RunBucket",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "team",
                    models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="+", to="teams.team"),
                ),
                (
                    "crew",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="agents_app.crew"
                    ),
                ),
                (
                    "version",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="agents_app.crewversion"
                    ),
                ),
                ("simulated", models.BooleanField()),
                ("day", models.DateField(help_text="on which they were launched, in UTC")),
                ("measure", models.CharField(choices=[("cost", "Cost"), ("duration", "Duration")], max_length=10)),
                ("bucket", models.SmallIntegerField()),
                ("runs", models.IntegerField(default=0)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("team", "simulated", "measure", "day", "crew", "version", "bucket"),
                        name="run_bucket_once",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("measure__in", ["cost", "duration"])), name="run_bucket_measure_known"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="RunSum",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("prompt_tokens", models.BigIntegerField(default=0)),
                ("cached_prompt_tokens", models.BigIntegerField(default=0)),
                ("cache_write_tokens", models.BigIntegerField(default=0)),
                ("completion_tokens", models.BigIntegerField(default=0)),
                ("reasoning_tokens", models.BigIntegerField(default=0)),
                ("successful_requests", models.IntegerField(default=0)),
                ("spent_nusd", models.BigIntegerField(default=0)),
                ("unpriced_calls", models.IntegerField(default=0)),
                ("estimated_calls", models.IntegerField(default=0)),
                (
                    "team",
                    models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="+", to="teams.team"),
                ),
                (
                    "crew",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="agents_app.crew"
                    ),
                ),
                (
                    "version",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="agents_app.crewversion"
                    ),
                ),
                ("simulated", models.BooleanField()),
                ("hour", models.DateTimeField(help_text="in which they were launched")),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("queued", "Queued"),
                            ("running", "Running"),
                            ("waiting", "Waiting"),
                            ("succeeded", "Succeeded"),
                            ("failed", "Failed"),
                            ("cancelled", "Cancelled"),
                        ],
                        max_length=10,
                    ),
                ),
                ("runs", models.IntegerField(default=0)),
                ("took_ms", models.BigIntegerField(default=0)),
                ("timed", models.IntegerField(default=0)),
                ("queue_ms", models.BigIntegerField(default=0)),
                ("paused_ms", models.BigIntegerField(default=0)),
                ("unpriced_runs", models.IntegerField(default=0)),
                ("rating_sum", models.BigIntegerField(db_default=0, default=0)),
                ("rating_count", models.IntegerField(db_default=0, default=0)),
                ("rated_runs", models.IntegerField(db_default=0, default=0)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("team", "simulated", "hour", "crew", "version", "state"), name="run_sum_once"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("state__in", ["queued", "running", "waiting", "succeeded", "failed", "cancelled"])
                        ),
                        name="run_sum_state_known",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="SavedView",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "team",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="saved_views", to="teams.team"
                    ),
                ),
                (
                    "owner",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("name", models.CharField(max_length=60)),
                ("q", models.CharField(blank=True, max_length=500)),
                ("sort", models.CharField(max_length=40)),
                ("columns", models.CharField(max_length=200)),
                (
                    "changed_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("changed_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        models.F("team"),
                        models.F("owner"),
                        django.db.models.functions.text.Lower("name"),
                        name="saved_view_once_per_name_and_owner",
                        nulls_distinct=False,
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Scenario",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "team",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="scenarios", to="teams.team"
                    ),
                ),
                (
                    "owner",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("name", models.CharField(max_length=60)),
                ("asked", teams.models.KeptJSON()),
                ("calls", models.IntegerField()),
                ("compared_calls", models.IntegerField()),
                ("real_nusd", models.BigIntegerField()),
                ("changed_nusd", models.BigIntegerField()),
                ("answered_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                (
                    "changed_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        models.F("team"),
                        models.F("owner"),
                        django.db.models.functions.text.Lower("name"),
                        name="scenario_once_per_name_and_owner",
                        nulls_distinct=False,
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="TaskCallSum",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "team",
                    models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="+", to="teams.team"),
                ),
                (
                    "crew",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="agents_app.crew"
                    ),
                ),
                (
                    "version",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="agents_app.crewversion"
                    ),
                ),
                ("simulated", models.BooleanField()),
                ("day", models.DateField(help_text="on which their runs were launched, in UTC")),
                ("task", models.CharField(blank=True, max_length=64)),
                ("model", models.CharField(blank=True, max_length=200)),
                (
                    "cost_class",
                    models.CharField(
                        choices=[
                            ("work", "Work"),
                            ("planning", "Planning"),
                            ("manager", "Manager"),
                            ("guardrail", "Guardrail"),
                            ("retry", "Retry"),
                            ("rejected", "Rejected"),
                            ("failed", "Failed"),
                            ("cancelled", "Cancelled"),
                            ("duplicate", "Duplicate"),
                            ("cache_hit", "Cache Hit"),
                        ],
                        max_length=10,
                    ),
                ),
                ("kind", models.CharField(max_length=5)),
                ("priced", models.BooleanField()),
                ("calls", models.IntegerField(default=0)),
                ("requests", models.IntegerField(default=0)),
                ("cost_nusd", models.BigIntegerField(default=0)),
                ("fees_nusd", models.BigIntegerField(db_default=0, default=0)),
                ("latency_ms", models.BigIntegerField(default=0)),
                ("waited_ms", models.BigIntegerField(default=0)),
                ("nested_ms", models.BigIntegerField(default=0)),
                ("tokens_prompt", models.BigIntegerField(default=0)),
                ("tokens_cached", models.BigIntegerField(default=0)),
                ("tokens_cache_write", models.BigIntegerField(default=0)),
                ("tokens_completion", models.BigIntegerField(default=0)),
                ("spend_prompt", models.DecimalField(decimal_places=10, default=0, max_digits=60)),
                ("spend_cached", models.DecimalField(decimal_places=10, default=0, max_digits=60)),
                ("spend_cache_write", models.DecimalField(decimal_places=10, default=0, max_digits=60)),
                ("spend_completion", models.DecimalField(decimal_places=10, default=0, max_digits=60)),
            ],
            options={
                "indexes": [models.Index(fields=["team", "simulated", "day"], name="task_call_sum_of_days")],
                "constraints": [
                    models.UniqueConstraint(
                        fields=(
                            "version",
                            "simulated",
                            "day",
                            "team",
                            "crew",
                            "task",
                            "model",
                            "cost_class",
                            "kind",
                            "priced",
                        ),
                        name="task_call_sum_once",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="TaskTime",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "team",
                    models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="+", to="teams.team"),
                ),
                (
                    "crew",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="agents_app.crew"
                    ),
                ),
                (
                    "version",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="agents_app.crewversion"
                    ),
                ),
                ("simulated", models.BooleanField()),
                ("day", models.DateField(help_text="on which their runs were launched, in UTC")),
                ("task", models.CharField(max_length=64)),
                ("begun", models.IntegerField(default=0)),
                ("took_ms", models.BigIntegerField(default=0)),
                ("person_ms", models.BigIntegerField(default=0)),
            ],
            options={
                "indexes": [models.Index(fields=["team", "simulated", "day"], name="task_time_of_days")],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("version", "simulated", "day", "team", "crew", "task"), name="task_time_once"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="TheirKey",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "team",
                    models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="+", to="teams.team"),
                ),
                ("provider", models.CharField(max_length=40)),
                ("name", models.CharField(max_length=200)),
                ("credential", models.CharField(max_length=120)),
                (
                    "said_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("team", "provider", "name"), name="their_key_once_per_name")
                ],
            },
        ),
        migrations.CreateModel(
            name="UsageSum",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "team",
                    models.ForeignKey(
                        db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="teams.team"
                    ),
                ),
                ("simulated", models.BooleanField()),
                ("month", models.DateField(help_text="their ``billed_month``")),
                (
                    "crew",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="agents_app.crew",
                    ),
                ),
                ("agent", models.CharField(blank=True, max_length=64)),
                ("model", models.CharField(blank=True, max_length=200)),
                ("as_booked", models.BooleanField()),
                ("priced", models.BooleanField()),
                ("prompt_above", models.BigIntegerField()),
                ("asks_tools", models.BooleanField()),
                ("asks_schema", models.BooleanField()),
                ("input_usd_per_mtok", models.DecimalField(decimal_places=10, max_digits=20)),
                ("output_usd_per_mtok", models.DecimalField(decimal_places=10, max_digits=20)),
                ("cached_usd_per_mtok", models.DecimalField(decimal_places=10, max_digits=20)),
                ("cache_write_usd_per_mtok", models.DecimalField(decimal_places=10, max_digits=20)),
                ("reasoning_usd_per_mtok", models.DecimalField(decimal_places=10, max_digits=20)),
                ("request_usd", models.DecimalField(decimal_places=10, max_digits=20)),
                ("search_usd", models.DecimalField(decimal_places=10, max_digits=20)),
                ("second_usd", models.DecimalField(decimal_places=10, max_digits=20)),
                ("citation_usd_per_mtok", models.DecimalField(decimal_places=10, max_digits=20)),
                ("calls", models.IntegerField(default=0)),
                ("cost_nusd", models.BigIntegerField(default=0)),
                ("beyond_ours_nusd", models.BigIntegerField(default=0)),
                ("stated_calls", models.IntegerField(default=0)),
                ("prompt_tokens", models.BigIntegerField(default=0)),
                ("cached_prompt_tokens", models.BigIntegerField(default=0)),
                ("cache_write_tokens", models.BigIntegerField(default=0)),
                ("completion_tokens", models.BigIntegerField(default=0)),
                ("reasoning_tokens", models.BigIntegerField(default=0)),
                ("citation_tokens", models.BigIntegerField(default=0)),
                ("searches", models.BigIntegerField(default=0)),
                ("took_ms", models.BigIntegerField(default=0)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=(
                            "team",
                            "simulated",
                            "month",
                            "crew",
                            "agent",
                            "model",
                            "as_booked",
                            "priced",
                            "prompt_above",
                            "asks_tools",
                            "asks_schema",
                            "input_usd_per_mtok",
                            "output_usd_per_mtok",
                            "cached_usd_per_mtok",
                            "cache_write_usd_per_mtok",
                            "reasoning_usd_per_mtok",
                            "request_usd",
                            "search_usd",
                            "second_usd",
                            "citation_usd_per_mtok",
                        ),
                        name="usage_sum_once",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="WorkerSeen",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=120, unique=True)),
                ("started_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("seen_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("capacity", models.PositiveIntegerField(default=0)),
                ("holding", models.PositiveIntegerField(default=0)),
                ("stopping", models.BooleanField(default=False)),
                ("still_s", models.FloatField(db_default=0)),
            ],
            options={
                "verbose_name_plural": "workers seen",
            },
        ),
        migrations.CreateModel(
            name="ClosedBill",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "team",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="closed_bills", to="teams.team"
                    ),
                ),
                (
                    "bill",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT, related_name="closed", to="runs.bill"
                    ),
                ),
                (
                    "number",
                    models.IntegerField(
                        help_text="counts the team's closed bills, in the order in which they were closed"
                    ),
                ),
                ("month", models.DateField(help_text="first day of the month, in UTC")),
                ("closed_at", models.DateTimeField()),
                ("total_nusd", models.BigIntegerField()),
                ("head", models.TextField()),
                ("sha256", models.CharField(max_length=64)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("team", "number"), name="closed_bill_once_per_number"),
                    models.UniqueConstraint(fields=("team", "month"), name="closed_bill_once_per_month"),
                    models.CheckConstraint(condition=models.Q(("number__gte", 1)), name="closed_bill_numbers_from_one"),
                ],
            },
        ),
        migrations.CreateModel(
            name="Comment",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "run",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="comments", to="runs.run"
                    ),
                ),
                (
                    "author",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "token",
                    models.ForeignKey(
                        null=True, on_delete=django.db.models.deletion.SET_NULL, related_name="+", to="teams.apitoken"
                    ),
                ),
                ("text", models.TextField()),
                ("written_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("edited_at", models.DateTimeField(null=True)),
            ],
            options={
                "ordering": ["run", "id"],
                "indexes": [models.Index(fields=["author", "written_at"], name="comment_of_person")],
            },
        ),
        migrations.CreateModel(
            name="Notice",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "alert",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="notices", to="runs.alert"
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                ("dismissed_at", models.DateTimeField(null=True)),
                (
                    "mail",
                    models.CharField(
                        choices=[("none", "None"), ("due", "Due"), ("sent", "Sent"), ("failed", "Failed")],
                        default="none",
                        max_length=6,
                    ),
                ),
                ("attempts", models.PositiveSmallIntegerField(default=0)),
                ("next_try_at", models.DateTimeField(null=True)),
                ("error", models.TextField(blank=True)),
            ],
            options={
                "indexes": [
                    models.Index(condition=models.Q(("mail", "due")), fields=["next_try_at"], name="notice_due")
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("alert", "user"), name="notice_once_per_person"),
                    models.CheckConstraint(
                        condition=models.Q(("mail__in", ["none", "due", "sent", "failed"])), name="notice_mail_known"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("mail", "due"), ("next_try_at__isnull", False)),
                            models.Q(models.Q(("mail", "due"), _negated=True), ("next_try_at", None)),
                            _connector="OR",
                        ),
                        name="notice_mailed_again_iff_due",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="PinnedRun",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "crew",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="pinned_runs", to="agents_app.crew"
                    ),
                ),
                ("simulated", models.BooleanField()),
                (
                    "run",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE, related_name="pinned", to="runs.run"
                    ),
                ),
                (
                    "pinned_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("pinned_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("crew", "simulated"), name="pinned_run_once_per_crew_and_kind")
                ],
            },
        ),
        migrations.CreateModel(
            name="PriceTier",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "quote",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="tiers", to="runs.pricequote"
                    ),
                ),
                ("above_tokens", models.BigIntegerField()),
                ("input_usd_per_mtok", models.DecimalField(decimal_places=10, max_digits=20)),
                ("output_usd_per_mtok", models.DecimalField(decimal_places=10, max_digits=20)),
                ("cached_usd_per_mtok", models.DecimalField(blank=True, decimal_places=10, max_digits=20, null=True)),
                (
                    "cache_write_usd_per_mtok",
                    models.DecimalField(blank=True, decimal_places=10, max_digits=20, null=True),
                ),
                (
                    "reasoning_usd_per_mtok",
                    models.DecimalField(blank=True, decimal_places=10, max_digits=20, null=True),
                ),
            ],
            options={
                "ordering": ["above_tokens"],
                "constraints": [
                    models.UniqueConstraint(fields=("quote", "above_tokens"), name="price_tier_once_per_length"),
                    models.CheckConstraint(
                        condition=models.Q(("above_tokens__gte", 1)), name="price_tier_above_one_token"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("input_usd_per_mtok__gte", 0)),
                        name="price_tier_input_usd_per_mtok_not_negative",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("output_usd_per_mtok__gte", 0)),
                        name="price_tier_output_usd_per_mtok_not_negative",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("cached_usd_per_mtok__gte", 0)),
                        name="price_tier_cached_usd_per_mtok_not_negative",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("cache_write_usd_per_mtok__gte", 0)),
                        name="price_tier_cache_write_usd_per_mtok_not_negative",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("reasoning_usd_per_mtok__gte", 0)),
                        name="price_tier_reasoning_usd_per_mtok_not_negative",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Rating",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "run",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="ratings", to="runs.run"
                    ),
                ),
                (
                    "person",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "token",
                    models.ForeignKey(
                        null=True, on_delete=django.db.models.deletion.SET_NULL, related_name="+", to="teams.apitoken"
                    ),
                ),
                (
                    "stars",
                    models.PositiveSmallIntegerField(
                        validators=[
                            django.core.validators.MinValueValidator(1),
                            django.core.validators.MaxValueValidator(5),
                        ]
                    ),
                ),
                ("word", models.CharField(blank=True, max_length=200)),
                ("rated_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("stars__gte", 1), ("stars__lte", 5)), name="rating_stars_from_1_to_5"
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("token", None)),
                        fields=("run", "person"),
                        name="rating_once_per_run_and_person",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("token__isnull", False)),
                        fields=("run", "token"),
                        name="rating_once_per_run_and_token",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="ReportMail",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "report",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="mails",
                        to="runs.report",
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "mail",
                    models.CharField(
                        choices=[("none", "None"), ("due", "Due"), ("sent", "Sent"), ("failed", "Failed")],
                        default="due",
                        max_length=6,
                    ),
                ),
                ("attempts", models.PositiveSmallIntegerField(default=0)),
                ("next_try_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), null=True)),
                ("error", models.TextField(blank=True)),
            ],
            options={
                "indexes": [
                    models.Index(condition=models.Q(("mail", "due")), fields=["next_try_at"], name="report_mail_due")
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("report", "user"), name="report_mail_once_per_person"),
                    models.CheckConstraint(
                        condition=models.Q(("mail__in", ["none", "due", "sent", "failed"])),
                        name="report_mail_mail_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("mail", "due"), ("next_try_at__isnull", False)),
                            models.Q(models.Q(("mail", "due"), _negated=True), ("next_try_at", None)),
                            _connector="OR",
                        ),
                        name="report_mail_tried_again_iff_due",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="TaskRun",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("prompt_tokens", models.BigIntegerField(default=0)),
                ("cached_prompt_tokens", models.BigIntegerField(default=0)),
                ("cache_write_tokens", models.BigIntegerField(default=0)),
                ("completion_tokens", models.BigIntegerField(default=0)),
                ("reasoning_tokens", models.BigIntegerField(default=0)),
                ("successful_requests", models.IntegerField(default=0)),
                ("spent_nusd", models.BigIntegerField(default=0)),
                ("unpriced_calls", models.IntegerField(default=0)),
                ("estimated_calls", models.IntegerField(default=0)),
                (
                    "run",
                    models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="tasks", to="runs.run"),
                ),
                ("key", models.CharField(max_length=64)),
                ("position", models.PositiveIntegerField()),
                ("name", models.CharField(max_length=200)),
                ("agent", models.CharField(blank=True, max_length=64)),
                ("agent_role", models.TextField(blank=True)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("pending", "Pending"),
                            ("running", "Running"),
                            ("waiting", "Waiting"),
                            ("succeeded", "Succeeded"),
                            ("failed", "Failed"),
                            ("skipped", "Skipped"),
                            ("cancelled", "Cancelled"),
                        ],
                        default="pending",
                        max_length=10,
                    ),
                ),
                ("started_at", models.DateTimeField(null=True)),
                ("finished_at", models.DateTimeField(null=True)),
                ("output_raw", models.TextField(blank=True)),
                ("output_json", teams.models.KeptJSON(null=True)),
                ("output_note", models.TextField(blank=True, db_default="")),
                ("error_code", models.CharField(blank=True, max_length=40)),
                ("error", models.TextField(blank=True)),
                ("cache_key", models.CharField(blank=True, max_length=64)),
                (
                    "waits_for",
                    models.CharField(
                        blank=True,
                        choices=[("rate_limit", "Rate Limit"), ("retry", "Retry"), ("budget", "Budget")],
                        max_length=10,
                    ),
                ),
                ("waits_until", models.DateTimeField(null=True)),
            ],
            options={
                "ordering": ["run", "position"],
                "indexes": [
                    models.Index(
                        condition=models.Q(("cache_key", ""), _negated=True),
                        fields=["cache_key", "-finished_at"],
                        name="task_kept",
                    )
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("run", "key"), name="task_run_once_per_key"),
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "state__in",
                                ["pending", "running", "waiting", "succeeded", "failed", "skipped", "cancelled"],
                            )
                        ),
                        name="task_run_state_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("waits_for", ""),
                            models.Q(
                                ("state", engine.record.journal.TaskStatus["RUNNING"]),
                                ("waits_for__in", ["rate_limit", "retry", "budget"]),
                            ),
                            _connector="OR",
                        ),
                        name="task_run_waits_only_while_running",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("spent_nusd__gte", 0)), name="task_run_spent_nusd_not_negative"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Call",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=runs.models.fields.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                (
                    "team",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="calls", to="teams.team"
                    ),
                ),
                (
                    "run",
                    models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="calls", to="runs.run"),
                ),
                (
                    "task_run",
                    models.ForeignKey(
                        null=True, on_delete=django.db.models.deletion.PROTECT, related_name="calls", to="runs.taskrun"
                    ),
                ),
                ("agent", models.CharField(blank=True, max_length=64)),
                ("branch", models.CharField(blank=True, max_length=40)),
                ("step", models.IntegerField()),
                ("attempt", models.IntegerField(default=1)),
                ("epoch", models.IntegerField()),
                ("kind", models.CharField(max_length=5)),
                ("purpose", models.CharField(max_length=10)),
                (
                    "cost_class",
                    models.CharField(
                        choices=[
                            ("work", "Work"),
                            ("planning", "Planning"),
                            ("manager", "Manager"),
                            ("guardrail", "Guardrail"),
                            ("retry", "Retry"),
                            ("rejected", "Rejected"),
                            ("failed", "Failed"),
                            ("cancelled", "Cancelled"),
                            ("duplicate", "Duplicate"),
                            ("cache_hit", "Cache Hit"),
                        ],
                        default="work",
                        max_length=10,
                    ),
                ),
                ("refused_by", models.CharField(blank=True, db_default="", default="", max_length=9)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("intent", "Intent"),
                            ("ok", "Ok"),
                            ("error", "Error"),
                            ("late", "Late"),
                            ("unknown", "Unknown"),
                        ],
                        default="intent",
                        max_length=8,
                    ),
                ),
                ("simulated", models.BooleanField(default=False)),
                ("model", models.CharField(blank=True, max_length=200)),
                ("credential", models.CharField(blank=True, max_length=120)),
                ("model_answered", models.CharField(blank=True, max_length=200)),
                ("params", teams.models.KeptJSON(default=dict)),
                ("messages", teams.models.KeptJSON(default=list)),
                ("reply", teams.models.KeptJSON(null=True)),
                ("tool", models.CharField(blank=True, max_length=64)),
                ("arguments", models.TextField(blank=True)),
                ("effect", models.CharField(blank=True, max_length=10)),
                ("tool_output", models.TextField(blank=True)),
                ("finish_reason", models.CharField(blank=True, max_length=40)),
                ("error_code", models.CharField(blank=True, max_length=40)),
                ("error", models.TextField(blank=True)),
                ("provider_request_id", models.CharField(blank=True, max_length=200)),
                ("prompt_tokens", models.BigIntegerField(default=0)),
                ("cached_prompt_tokens", models.BigIntegerField(default=0)),
                ("cache_write_tokens", models.BigIntegerField(default=0)),
                ("completion_tokens", models.BigIntegerField(default=0)),
                ("reasoning_tokens", models.BigIntegerField(default=0)),
                ("citation_tokens", models.BigIntegerField(db_default=0, default=0)),
                ("searches", models.IntegerField(db_default=0, default=0)),
                ("took_ms", models.BigIntegerField(db_default=0, default=0)),
                ("usage_estimated", models.BooleanField(default=False)),
                ("counted_tokens", models.IntegerField(default=0)),
                ("input_usd_per_mtok", models.DecimalField(decimal_places=10, max_digits=20, null=True)),
                ("output_usd_per_mtok", models.DecimalField(decimal_places=10, max_digits=20, null=True)),
                ("cached_usd_per_mtok", models.DecimalField(decimal_places=10, max_digits=20, null=True)),
                ("cache_write_usd_per_mtok", models.DecimalField(decimal_places=10, max_digits=20, null=True)),
                ("reasoning_usd_per_mtok", models.DecimalField(decimal_places=10, max_digits=20, null=True)),
                ("request_usd", models.DecimalField(decimal_places=10, max_digits=20, null=True)),
                ("search_usd", models.DecimalField(decimal_places=10, max_digits=20, null=True)),
                ("second_usd", models.DecimalField(decimal_places=10, max_digits=20, null=True)),
                ("citation_usd_per_mtok", models.DecimalField(decimal_places=10, max_digits=20, null=True)),
                (
                    "quote",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="calls",
                        to="runs.pricequote",
                    ),
                ),
                ("priced_above_tokens", models.BigIntegerField(db_default=0, default=0)),
                ("reserved_nusd", models.BigIntegerField(default=0)),
                ("cost_nusd", models.BigIntegerField(null=True)),
                ("prompt_nusd", models.BigIntegerField(null=True)),
                ("cached_nusd", models.BigIntegerField(null=True)),
                ("cache_write_nusd", models.BigIntegerField(null=True)),
                ("completion_nusd", models.BigIntegerField(null=True)),
                ("reasoning_nusd", models.BigIntegerField(null=True)),
                ("citations_nusd", models.BigIntegerField(null=True)),
                ("searches_nusd", models.BigIntegerField(null=True)),
                ("request_nusd", models.BigIntegerField(null=True)),
                ("seconds_nusd", models.BigIntegerField(db_default=0, default=0)),
                ("beyond_ours_nusd", models.BigIntegerField(null=True)),
                ("provider_nusd", models.BigIntegerField(null=True)),
                ("provider_is_booked", models.BooleanField(db_default=False, default=False)),
                ("billed_month", models.DateField(help_text="first day of the month in which it was opened, in UTC")),
                ("cache_key", models.CharField(blank=True, max_length=64)),
                ("cache_hit", models.BooleanField(default=False)),
                ("cache_age_s", models.FloatField(null=True)),
                ("saved_nusd", models.BigIntegerField(null=True)),
                ("waited_ms", models.IntegerField(default=0)),
                ("budget_ms", models.IntegerField(db_default=0, default=0)),
                ("started_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("finished_at", models.DateTimeField(null=True)),
                ("ttft_ms", models.IntegerField(null=True)),
                ("latency_ms", models.IntegerField(null=True)),
            ],
            options={
                "ordering": ["started_at", "id"],
                "indexes": [
                    models.Index(fields=["run", "started_at"], name="call_of_run"),
                    models.Index(fields=["team", "billed_month", "id"], name="call_of_month"),
                    models.Index(
                        condition=models.Q(
                            ("cost_nusd", None), ("simulated", False), models.Q(("state", "intent"), _negated=True)
                        ),
                        fields=["team", "billed_month"],
                        include=("run", "model"),
                        name="call_unpriced",
                    ),
                    models.Index(condition=models.Q(("state", "intent")), fields=["run"], name="call_open"),
                    models.Index(
                        condition=models.Q(
                            ("cost_class__in", ["failed", "retry", "rejected", "cancelled", "duplicate"])
                        ),
                        fields=["run"],
                        include=("state", "cost_nusd"),
                        name="call_wasted",
                    ),
                    models.Index(
                        condition=models.Q(("credential", ""), _negated=True),
                        fields=["team", "credential", "model", "started_at"],
                        name="call_of_lane",
                    ),
                    models.Index(
                        condition=models.Q(("cache_key", ""), _negated=True),
                        fields=["team", "cache_key", "-finished_at"],
                        name="call_kept",
                    ),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("state__in", ["intent", "ok", "error", "late", "unknown"])),
                        name="call_state_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "cost_class__in",
                                [
                                    "work",
                                    "planning",
                                    "manager",
                                    "guardrail",
                                    "retry",
                                    "rejected",
                                    "failed",
                                    "cancelled",
                                    "duplicate",
                                    "cache_hit",
                                ],
                            )
                        ),
                        name="call_cost_class_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("kind__in", ["model", "tool", "task"])), name="call_kind_known"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("refused_by", ""), models.Q(("cost_class", "rejected"), _negated=True)),
                            models.Q(("cost_class", "rejected"), ("refused_by__in", ["schema", "guardrail", "person"])),
                            _connector="OR",
                        ),
                        name="call_rejected_iff_refused",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("attempt__gte", 1), ("epoch__gte", 1)),
                        name="call_epoch_and_attempt_from_one",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("cost_nusd__gte", 0)), name="call_cost_nusd_not_negative"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("reserved_nusd__gte", 0)), name="call_reserved_nusd_not_negative"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("prompt_tokens__gte", 0)), name="call_prompt_tokens_not_negative"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("cached_prompt_tokens__gte", 0)),
                        name="call_cached_prompt_tokens_not_negative",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("cache_write_tokens__gte", 0)), name="call_cache_write_tokens_not_negative"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("completion_tokens__gte", 0)), name="call_completion_tokens_not_negative"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("reasoning_tokens__gte", 0)), name="call_reasoning_tokens_not_negative"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("priced_above_tokens__gte", 0)),
                        name="call_priced_above_tokens_not_negative",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("citation_tokens__gte", 0)), name="call_citation_tokens_not_negative"
                    ),
                    models.CheckConstraint(condition=models.Q(("searches__gte", 0)), name="call_searches_not_negative"),
                    models.CheckConstraint(condition=models.Q(("took_ms__gte", 0)), name="call_took_ms_not_negative"),
                    models.CheckConstraint(
                        condition=models.Q(("provider_nusd__gte", 0)), name="call_provider_nusd_not_negative"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("provider_is_booked", False), ("cost_nusd", models.F("provider_nusd")), _connector="OR"
                        ),
                        name="call_books_what_is_stated",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("prompt_nusd", None),
                            (
                                "cost_nusd",
                                django.db.models.expressions.CombinedExpression(
                                    django.db.models.expressions.CombinedExpression(
                                        django.db.models.expressions.CombinedExpression(
                                            django.db.models.expressions.CombinedExpression(
                                                django.db.models.expressions.CombinedExpression(
                                                    django.db.models.expressions.CombinedExpression(
                                                        django.db.models.expressions.CombinedExpression(
                                                            django.db.models.expressions.CombinedExpression(
                                                                django.db.models.expressions.CombinedExpression(
                                                                    django.db.models.expressions.CombinedExpression(
                                                                        models.Value(0), "+", models.F("prompt_nusd")
                                                                    ),
                                                                    "+",
                                                                    models.F("cached_nusd"),
                                                                ),
                                                                "+",
                                                                models.F("cache_write_nusd"),
                                                            ),
                                                            "+",
                                                            models.F("completion_nusd"),
                                                        ),
                                                        "+",
                                                        models.F("reasoning_nusd"),
                                                    ),
                                                    "+",
                                                    models.F("citations_nusd"),
                                                ),
                                                "+",
                                                models.F("searches_nusd"),
                                            ),
                                            "+",
                                            models.F("request_nusd"),
                                        ),
                                        "+",
                                        models.F("seconds_nusd"),
                                    ),
                                    "+",
                                    models.F("beyond_ours_nusd"),
                                ),
                            ),
                            _connector="OR",
                        ),
                        name="call_parts_sum_to_its_cost",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("state", "ok")),
                        fields=("run", "task_run", "branch", "step"),
                        name="call_one_ok_per_step",
                        nulls_distinct=False,
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("cost_nusd__isnull", True), ("finished_at__isnull", True), ("state", "intent")),
                            models.Q(models.Q(("state", "intent"), _negated=True), ("finished_at__isnull", False)),
                            _connector="OR",
                        ),
                        name="call_finished_at_iff_settled",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="ClosedLine",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "bill",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="lines",
                        to="runs.closedbill",
                    ),
                ),
                ("position", models.IntegerField()),
                ("is_counter_line", models.BooleanField()),
                ("nusd", models.BigIntegerField(help_text="what it adds to the total")),
                ("text", models.TextField(help_text="a JSON object")),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("bill", "position"), name="closed_line_once")],
            },
        ),
        migrations.CreateModel(
            name="Correction",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "call",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT, related_name="correction", to="runs.call"
                    ),
                ),
                ("booked_nusd", models.BigIntegerField(null=True)),
                ("cost_nusd", models.BigIntegerField(null=True)),
                ("month", models.DateField(help_text="first day of the month, in UTC")),
                (
                    "why",
                    models.CharField(
                        choices=[("late", "Late"), ("priced", "Priced")],
                        db_default="late",
                        default="late",
                        max_length=6,
                    ),
                ),
                ("made_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("why__in", ["late", "priced"])), name="correction_why_known"
                    ),
                    models.CheckConstraint(condition=models.Q(("month__day", 1)), name="correction_month_is_first_day"),
                    models.CheckConstraint(
                        condition=models.Q(("booked_nusd__gte", 0)), name="correction_booked_nusd_not_negative"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("cost_nusd__gte", 0)), name="correction_cost_nusd_not_negative"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Review",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "task_run",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="reviews", to="runs.taskrun"
                    ),
                ),
                ("number", models.PositiveSmallIntegerField()),
                (
                    "call",
                    models.OneToOneField(
                        null=True, on_delete=django.db.models.deletion.CASCADE, related_name="review", to="runs.call"
                    ),
                ),
                ("step", models.CharField(blank=True, db_default="", default="", max_length=60)),
                ("answer", models.TextField(blank=True)),
                ("asked_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("approved", models.BooleanField(null=True)),
                ("comment", models.TextField(blank=True)),
                (
                    "decided_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("decided_at", models.DateTimeField(null=True)),
            ],
            options={
                "ordering": ["task_run", "number"],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("call", None), ("step", "")),
                        fields=("task_run", "number"),
                        name="review_once_per_answer",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("step", ""), _negated=True),
                        fields=("task_run", "step"),
                        name="review_once_per_request",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("call", None), ("step", ""), _connector="OR"), name="review_about_one_thing"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("approved", None), ("decided_at", None)),
                            models.Q(("approved__isnull", False), ("decided_at__isnull", False)),
                            _connector="OR",
                        ),
                        name="review_decided_at_iff_decided",
                    ),
                ],
            },
        ),
        migrations.RunSQL(CREATE_WORDS, "DROP INDEX IF EXISTS run_error_words"),
        migrations.RunSQL(REFUSE, ALLOW),
    ]
