from django.contrib.postgres.fields import ArrayField
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("teams", "0011_json_as_it_was_written")]

    operations = [
        migrations.AddField(
            model_name="providerkey",
            name="api_version",
            field=models.CharField(blank=True, db_default="", default="", max_length=40),
        ),
        migrations.AddField(
            model_name="providerkey",
            name="model_ids",
            field=ArrayField(base_field=models.CharField(max_length=200), db_default=[], default=list, size=None),
        ),
        migrations.AddField(
            model_name="providerkey",
            name="tested_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="providerkey",
            name="test_fault",
            field=models.TextField(blank=True, db_default="", default=""),
        ),
        migrations.AddField(
            model_name="providerkey",
            name="test_note",
            field=models.TextField(blank=True, db_default="", default=""),
        ),
    ]
