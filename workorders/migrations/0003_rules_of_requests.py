from django.db import migrations

# As they stood in version 1 when requests came in: orders under an older document need them as well.
SECTIONS = {
    "returns": {"window": {"value": 1, "unit": "working_day"}, "per_order": 2, "per_unit": 1},
    "extension": {"notice": {"value": 1, "unit": "working_day"}, "per_round": 1, "longest_days": 10},
}


def add(apps, schema_editor):
    for policy in apps.get_model("workorders", "Policy").objects.all():
        policy.document = {**SECTIONS, **policy.document}
        policy.save(update_fields=["document"])


class Migration(migrations.Migration):
    # The alterations of oauth2_provider, some eighty, each render all models that are related to a user: first, while
    # those are few, a whole migration takes two fifths less.
    dependencies = [
        ("workorders", "0002_ledger_and_numbers"),
        ("oauth2_provider", "0022_refreshtoken_token_family_index"),
    ]

    operations = [migrations.RunPython(add, migrations.RunPython.noop)]
