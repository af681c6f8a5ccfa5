"""Frozen copies of closed bills. The database refuses to change them, whoever asks."""

import django.db.models.deletion
from django.db import migrations, models

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
    dependencies = [("runs", "0035_scenarios"), ("teams", "0012_test_provider_keys")]

    operations = [
        migrations.CreateModel(
            name="ClosedBill",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
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
                (
                    "bill",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT, related_name="closed", to="runs.bill"
                    ),
                ),
                (
                    "team",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="closed_bills", to="teams.team"
                    ),
                ),
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
            name="ClosedLine",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("position", models.IntegerField()),
                ("is_counter_line", models.BooleanField()),
                ("nusd", models.BigIntegerField(help_text="what it adds to the total")),
                ("text", models.TextField(help_text="a JSON object")),
                (
                    "bill",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="lines",
                        to="runs.closedbill",
                    ),
                ),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("bill", "position"), name="closed_line_once")],
            },
        ),
        migrations.CreateModel(
            name="ClosingEntry",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("number", models.IntegerField()),
                ("month", models.DateField()),
                ("closed_at", models.DateTimeField()),
                ("closed_by", models.CharField(max_length=255)),
                ("by_token", models.CharField(blank=True, max_length=120)),
                ("total_nusd", models.BigIntegerField()),
                ("sha256", models.CharField(max_length=64)),
                (
                    "team",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="closings", to="teams.team"
                    ),
                ),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("team", "number"), name="closing_entry_once")],
            },
        ),
        migrations.RunSQL(REFUSE, ALLOW),
    ]
