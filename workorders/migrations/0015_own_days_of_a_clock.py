"""Clocks with a limit of their own keep it, so that they can be counted anew; slips that run take it from the ledger."""

from django.db import migrations, models

DAYS_OF_RUNNING_SLIPS = """
    UPDATE workorders_clock AS clock
    SET own_days = (event.data ->> 'days')::double precision
    FROM workorders_event AS event
    WHERE clock.kind = 'slip' AND clock.stopped_at IS NULL
        AND event.order_id = clock.order_id AND event.at = clock.started_at
        AND event.step IN ('issue_slip', 'reject_slip', 'raise_slip') AND event.data ? 'days'
"""


class Migration(migrations.Migration):
    dependencies = [("workorders", "0014_tokens_of_either_width")]
    operations = [
        migrations.AddField(
            model_name="clock",
            name="own_days",
            field=models.FloatField(editable=False, null=True, verbose_name="working days of a limit of its own"),
        ),
        migrations.RunSQL(DAYS_OF_RUNNING_SLIPS, migrations.RunSQL.noop),
    ]
