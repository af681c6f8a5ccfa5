"""Teams may demand a second step of their members."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("teams", "0019_programs")]

    operations = [
        migrations.AddField(
            model_name="team", name="wants_second_step", field=models.BooleanField(db_default=False, default=False)
        ),
    ]
