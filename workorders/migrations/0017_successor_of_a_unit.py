"""A unit that is closed leaves no orders behind: whoever writes the row, the database asks for the one that takes over."""

import django.db.models.deletion
from django.db import migrations, models

GUARD = """
    CREATE FUNCTION closed_unit_has_a_successor() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF EXISTS (
            SELECT FROM workorders_workorder
            WHERE lead_unit_id = NEW.id AND status IN ('dispatched', 'handling', 'suspended', 'reported')
        ) THEN
            RAISE EXCEPTION 'unit % has orders in hand: it cannot be closed without a successor', NEW.code
                USING ERRCODE = 'check_violation';
        END IF;
        RETURN NEW;
    END $$;
    CREATE TRIGGER closed_unit_has_a_successor BEFORE UPDATE ON workorders_unit FOR EACH ROW
        WHEN (NOT NEW.is_active AND NEW.successor_id IS NULL AND (OLD.is_active OR OLD.successor_id IS NOT NULL))
        EXECUTE FUNCTION closed_unit_has_a_successor();
"""
NO_GUARD = "DROP TRIGGER closed_unit_has_a_successor ON workorders_unit; DROP FUNCTION closed_unit_has_a_successor();"


class Migration(migrations.Migration):
    dependencies = [("workorders", "0016_status_says_what_is_waited_for")]
    operations = [
        migrations.AddField(
            model_name="unit",
            name="successor",
            field=models.ForeignKey(
                blank=True,
                help_text=(
                    "Once this unit is switched off, the orders in its hands go there, and what comes back later too."
                ),
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="predecessors",
                to="workorders.unit",
                verbose_name="taken over by",
            ),
        ),
        migrations.AddConstraint(
            model_name="unit",
            constraint=models.CheckConstraint(
                condition=models.Q(successor=None) | ~models.Q(successor=models.F("id")),
                name="unit_does_not_succeed_itself",
            ),
        ),
        migrations.RunSQL(GUARD, NO_GUARD),
    ]
