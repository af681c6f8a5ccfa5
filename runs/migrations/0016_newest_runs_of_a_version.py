"""The newest runs of a version are found without reading the team's others, for the page of a crew's versions."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("runs", "0015_rollups_of_ended_runs")]
    operations = [
        migrations.AddIndex(
            model_name="run",
            index=models.Index(fields=["version", "simulated", "-id"], name="run_version_newest"),
        ),
    ]
