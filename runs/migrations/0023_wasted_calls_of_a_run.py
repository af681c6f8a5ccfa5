"""The calls that a run paid in vain are found without reading its others, for lists and files of runs."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("runs", "0022_refused_answers_and_waits_for_money"),
        ("teams", "0008_made_up_teams"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="call",
            index=models.Index(
                condition=models.Q(("cost_class__in", ["failed", "retry", "rejected", "cancelled", "duplicate"])),
                fields=["run"],
                include=("state", "cost_nusd"),
                name="call_wasted",
            ),
        ),
    ]
