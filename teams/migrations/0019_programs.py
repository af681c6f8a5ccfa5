"""Programs: members of a team that are no persons, with a role and tokens of their own."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("teams", "0018_keys_are_rotated")]

    operations = [
        migrations.AddField(
            model_name="user", name="is_program", field=models.BooleanField(db_default=False, default=False)
        ),
    ]
