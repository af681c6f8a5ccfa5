"""When the secret of a provider key was last replaced by another one."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("teams", "0017_log_by_kind")]

    operations = [
        migrations.AddField(
            model_name="providerkey", name="rotated_at", field=models.DateTimeField(blank=True, null=True)
        ),
    ]
