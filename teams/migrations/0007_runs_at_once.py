"""A cap on how many runs of a team are worked on at once. Teams that are there already get none."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("teams", "0006_caps_of_runs")]

    operations = [
        migrations.AddField("team", "runs_at_once", models.PositiveIntegerField(blank=True, null=True)),
        migrations.AddConstraint(
            "team",
            models.CheckConstraint(condition=models.Q(runs_at_once__gte=1), name="team_runs_at_once_positive"),
        ),
    ]
