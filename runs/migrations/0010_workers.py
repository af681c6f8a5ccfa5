"""Which workers there are, and the indexes that the page of workers reads by."""

from django.db import migrations, models
from django.db.models.functions import Now


class Migration(migrations.Migration):
    dependencies = [("runs", "0009_invariant_checks")]

    operations = [
        migrations.CreateModel(
            name="WorkerSeen",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=120, unique=True)),
                ("started_at", models.DateTimeField(db_default=Now())),
                ("seen_at", models.DateTimeField(db_default=Now())),
                ("capacity", models.PositiveIntegerField(default=0)),
                ("holding", models.PositiveIntegerField(default=0)),
                ("stopping", models.BooleanField(default=False)),
            ],
            options={"verbose_name_plural": "workers seen"},
        ),
        migrations.AddIndex(
            model_name="run",
            index=models.Index(
                fields=["state", "team"],
                name="run_live",
                condition=models.Q(state__in=["queued", "running", "waiting"]),
            ),
        ),
        migrations.AddIndex(
            model_name="run",
            index=models.Index(fields=["started_at"], name="run_started"),
        ),
    ]
