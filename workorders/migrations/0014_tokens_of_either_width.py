"""Orders written in full-width digits and letters are found in either width: `manage.py reindex` brings the old ones.

Rewriting them here would hold a large site's upgrade up in one transaction.
"""

from typing import ClassVar

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("workorders", "0013_telephones")]
    operations: ClassVar[list[migrations.operations.base.Operation]] = []
