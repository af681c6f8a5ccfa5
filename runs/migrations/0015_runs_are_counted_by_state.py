from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("runs", "0014_workers_say_whether_they_stand_still"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="run",
            index=models.Index(fields=["team", "state"], name="run_counts"),
        ),
    ]
