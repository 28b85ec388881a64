"""What was merged into an order that was itself merged names the last one of the chain, and no chain comes again."""

from django.db import migrations, models
from django.db.models import F, Q

TRIGGER = """
CREATE FUNCTION workorders_order_merged_into_the_last() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- Read anew: it runs at the commit, when the row may have been moved once more.
    IF EXISTS (
        SELECT 1 FROM workorders_workorder AS merged
        JOIN workorders_workorder AS parent ON parent.id = merged.parent_id
        WHERE (merged.id = NEW.id OR merged.parent_id = NEW.id) AND parent.parent_id IS NOT NULL
    ) THEN
        RAISE EXCEPTION 'order % is merged into an order that was itself merged', NEW.number
            USING ERRCODE = 'check_violation', CONSTRAINT = 'order_merged_into_the_last';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER order_merged_into_the_last
    AFTER INSERT OR UPDATE OF parent_id ON workorders_workorder
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.parent_id IS NOT NULL)
    EXECUTE FUNCTION workorders_order_merged_into_the_last();
"""
NO_TRIGGER = """
DROP TRIGGER order_merged_into_the_last ON workorders_workorder;
DROP FUNCTION workorders_order_merged_into_the_last();
"""
TO_THE_LAST = """
WITH RECURSIVE chain (id, last, length) AS (
    SELECT id, parent_id, 1 FROM workorders_workorder WHERE parent_id IS NOT NULL
    UNION ALL
    SELECT chain.id, above.parent_id, chain.length + 1
    FROM chain JOIN workorders_workorder AS above ON above.id = chain.last
    WHERE above.parent_id IS NOT NULL AND chain.length < 1000
)
UPDATE workorders_workorder SET parent_id = ends.last
FROM (SELECT DISTINCT ON (id) id, last FROM chain ORDER BY id, length DESC) AS ends
WHERE workorders_workorder.id = ends.id AND workorders_workorder.parent_id <> ends.last;
"""


class Migration(migrations.Migration):
    dependencies = [("workorders", "0019_comparable_text")]

    operations = [
        migrations.AddConstraint(
            model_name="workorder",
            constraint=models.CheckConstraint(condition=~Q(parent=F("id")), name="order_merged_into_another"),
        ),
        migrations.RunSQL(TRIGGER, NO_TRIGGER),
        migrations.RunSQL(TO_THE_LAST, migrations.RunSQL.noop),
    ]
