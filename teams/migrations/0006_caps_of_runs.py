"""Caps on each run's requests and seconds. Teams that are there already get none."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("teams", "0005_answers_commit_with_their_work")]

    operations = [
        migrations.AddField("team", "run_max_calls", models.PositiveIntegerField(blank=True, null=True)),
        migrations.AddField("team", "run_max_seconds", models.PositiveIntegerField(blank=True, null=True)),
        migrations.AddConstraint(
            "team",
            models.CheckConstraint(condition=models.Q(run_max_calls__gte=1), name="team_run_max_calls_positive"),
        ),
        migrations.AddConstraint(
            "team",
            models.CheckConstraint(condition=models.Q(run_max_seconds__gte=1), name="team_run_max_seconds_positive"),
        ),
    ]
