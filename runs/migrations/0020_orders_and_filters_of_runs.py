"""Indexes for the orders of the list of runs and for its filters by state, person and error.

Three indexes of single columns go, because longer ones begin with the same columns.
Groups are walked through by comparing rows, (crew, id) < (x, y), which needs both in one direction.
The column of calls is written for all runs, so the table is rewritten once.
"""

from django.db import migrations, models


def without_index(name: str, to: str) -> migrations.AlterField:
    key = models.ForeignKey(to, on_delete=models.deletion.PROTECT, related_name="runs", db_index=False)
    return migrations.AlterField(model_name="run", name=name, field=key)


class Migration(migrations.Migration):
    dependencies = [("runs", "0019_rollups_by_task")]
    operations = [
        without_index("team", "teams.team"),
        without_index("crew", "agents_app.crew"),
        without_index("version", "agents_app.crewversion"),
        migrations.AddField(
            model_name="run",
            name="ended_calls",
            field=models.GeneratedField(
                db_persist=True,
                expression=models.Case(
                    models.When(state__in=("succeeded", "failed", "cancelled"), then=models.F("successful_requests")),
                    default=models.Value(-1),
                ),
                output_field=models.BigIntegerField(),
            ),
        ),
        migrations.AddIndex(
            model_name="run",
            index=models.Index(fields=["team", "-ended_calls", "-id"], name="run_most_calls"),
        ),
        migrations.RemoveIndex(model_name="run", name="run_crew_newest"),
        migrations.AddIndex(
            model_name="run",
            index=models.Index(fields=["crew", "id"], name="run_of_crew"),
        ),
        migrations.AddIndex(
            model_name="run",
            index=models.Index(fields=["team", "state", "id"], name="run_in_state"),
        ),
        migrations.AddIndex(
            model_name="run",
            index=models.Index(fields=["team", "created_by", "id"], name="run_launched_by"),
        ),
        migrations.AddIndex(
            model_name="run",
            index=models.Index(
                fields=["team", "-id"], condition=models.Q(("error", ""), _negated=True), name="run_with_error"
            ),
        ),
    ]
