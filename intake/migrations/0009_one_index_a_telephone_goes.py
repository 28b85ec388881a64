from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("intake", "0008_count_the_indexes_anew")]

    operations = [
        migrations.RemoveField("complainant", "phone_index"),
        migrations.RemoveField("call", "phone_index"),
    ]
