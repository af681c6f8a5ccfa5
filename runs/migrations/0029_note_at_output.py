"""What was taken for what in a task's output, so that it fits the schema."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("runs", "0028_json_as_it_was_written")]
    operations = [
        migrations.AddField("taskrun", "output_note", models.TextField(blank=True, db_default="")),
    ]
