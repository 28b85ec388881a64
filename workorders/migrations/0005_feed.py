import django.db.models.functions.comparison
from django.db import migrations, models

# A transaction that wrote elsewhere first may be older than the one whose event stands before its own: an order's events
# never step back in the feed (decision 9).
IN_ORDER = """
CREATE FUNCTION workorders_event_in_order() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.transaction := greatest(NEW.transaction, (
        SELECT transaction FROM workorders_event WHERE order_id = NEW.order_id ORDER BY number DESC LIMIT 1
    ));
    RETURN NEW;
END $$;

CREATE TRIGGER event_in_order BEFORE INSERT ON workorders_event
    FOR EACH ROW EXECUTE FUNCTION workorders_event_in_order();
"""

UNDO = """
DROP TRIGGER event_in_order ON workorders_event;
DROP FUNCTION workorders_event_in_order();
"""


class Migration(migrations.Migration):
    dependencies = [("workorders", "0004_stored_answer")]

    operations = [
        # The events that are there already get the transaction of this migration, and follow each other by id.
        migrations.AddField(
            model_name="event",
            name="transaction",
            field=models.BigIntegerField(
                db_default=django.db.models.functions.comparison.Cast(
                    django.db.models.functions.comparison.Cast(
                        models.Func(function="pg_current_xact_id"), models.TextField()
                    ),
                    models.BigIntegerField(),
                ),
                editable=False,
            ),
        ),
        migrations.AddIndex(
            model_name="event",
            index=models.Index(fields=["transaction", "id"], name="event_by_transaction"),
        ),
        migrations.RunSQL(IN_ORDER, UNDO),
    ]
