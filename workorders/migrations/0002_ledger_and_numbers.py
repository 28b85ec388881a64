from django.db import migrations

SEQUENCE = "CREATE SEQUENCE workorders_number AS bigint MINVALUE 0 MAXVALUE 999999 START 1 CYCLE"

LEDGER = """
CREATE FUNCTION workorders_event_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'The ledger is append-only: % of workorders_event is refused', TG_OP
        USING ERRCODE = 'restrict_violation';
END $$;

CREATE TRIGGER event_append_only BEFORE UPDATE OR DELETE ON workorders_event
    FOR EACH ROW EXECUTE FUNCTION workorders_event_append_only();

CREATE TRIGGER event_no_truncate BEFORE TRUNCATE ON workorders_event
    FOR EACH STATEMENT EXECUTE FUNCTION workorders_event_append_only();
"""

UNDO = """
DROP TRIGGER event_no_truncate ON workorders_event;
DROP TRIGGER event_append_only ON workorders_event;
DROP FUNCTION workorders_event_append_only();
"""


class Migration(migrations.Migration):
    dependencies = [("workorders", "0001_initial")]

    operations = [
        migrations.RunSQL(SEQUENCE, "DROP SEQUENCE workorders_number"),
        migrations.RunSQL(LEDGER, UNDO),
    ]
