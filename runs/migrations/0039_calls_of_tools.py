from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("runs", "0038_comments_and_inboxes")]

    operations = [
        migrations.AddIndex(
            model_name="call",
            index=models.Index(
                condition=models.Q(("kind", "tool")), fields=["team", "tool", "run"], name="call_of_tool"
            ),
        ),
    ]
