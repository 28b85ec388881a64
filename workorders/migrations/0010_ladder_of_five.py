import django.contrib.postgres.fields
from django.db import migrations, models

RESOLUTION = ("resolution", "unit_resolution")
PAUSED_BY = {"acceptance": ("ask_correction",), **dict.fromkeys(RESOLUTION, ("suspend", "grant_suspension"))}
RESUMED_BY = {"acceptance": ("correct",), **dict.fromkeys(RESOLUTION, ("resume",))}

# Three levels (warning, overdue, escalation) become five: a reminder half-way to the warning, which for what is past
# counts as reached with the warning, and the old escalation as the last; what it had reached stays reached.
FIVE_INSTANTS = """
    UPDATE workorders_clock SET
        counted_from = started_at,
        level = CASE level WHEN 0 THEN 0 WHEN 3 THEN 5 ELSE level + 1 END,
        alerts_at = CASE WHEN cardinality(alerts_at) = 3 THEN ARRAY[
            CASE WHEN started_at + (alerts_at[1] - started_at) / 2 > now() THEN started_at + (alerts_at[1] - started_at) / 2
                 ELSE alerts_at[1] END,
            alerts_at[1], alerts_at[2], alerts_at[3],
            CASE WHEN level = 3 THEN alerts_at[3] ELSE alerts_at[3] + (alerts_at[3] - alerts_at[2]) END
        ] ELSE alerts_at END
"""
# A clock that stands still owes what it reached before; one that ended longer ago was never owed anything by the old scan.
NEXT_ALERTS = """
    UPDATE workorders_clock SET next_alert_at = CASE
        WHEN alerts_at[level + 1] <= LEAST(
            CASE WHEN stopped_at < now() - interval '7 days' THEN '-infinity'::timestamptz ELSE stopped_at END,
            paused_at, 'infinity'
        ) THEN alerts_at[level + 1]
    END
    WHERE stopped_at IS NULL OR next_alert_at IS NOT NULL OR stopped_at > now() - interval '7 days'
"""
# The database itself notes the days, whoever changed them and however: statement by statement, a year is one insert.
CALENDAR = """
    CREATE FUNCTION workorders_calendar_changed() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF TG_OP = 'UPDATE' THEN
            INSERT INTO workorders_calendarchange (date)
            SELECT DISTINCT date FROM (
                (SELECT date, is_working FROM before EXCEPT SELECT date, is_working FROM after)
                UNION ALL
                (SELECT date, is_working FROM after EXCEPT SELECT date, is_working FROM before)
            ) AS differing;
        ELSIF TG_OP = 'INSERT' THEN
            INSERT INTO workorders_calendarchange (date) SELECT date FROM after;
        ELSE
            INSERT INTO workorders_calendarchange (date) SELECT date FROM before;
        END IF;
        RETURN NULL;
    END $$;

    CREATE TRIGGER calendar_day_added AFTER INSERT ON workorders_calendarday
        REFERENCING NEW TABLE AS after FOR EACH STATEMENT EXECUTE FUNCTION workorders_calendar_changed();
    CREATE TRIGGER calendar_day_changed AFTER UPDATE ON workorders_calendarday
        REFERENCING OLD TABLE AS before NEW TABLE AS after
        FOR EACH STATEMENT EXECUTE FUNCTION workorders_calendar_changed();
    CREATE TRIGGER calendar_day_removed AFTER DELETE ON workorders_calendarday
        REFERENCING OLD TABLE AS before FOR EACH STATEMENT EXECUTE FUNCTION workorders_calendar_changed();
"""
NO_CALENDAR = """
    DROP TRIGGER calendar_day_added ON workorders_calendarday;
    DROP TRIGGER calendar_day_changed ON workorders_calendarday;
    DROP TRIGGER calendar_day_removed ON workorders_calendarday;
    DROP FUNCTION workorders_calendar_changed();
"""


def five_levels_in_every_policy(apps, schema_editor):
    """Every version keeps what it says, in the words of today: orders run under it."""
    for policy in apps.get_model("workorders", "Policy").objects.all():
        for table in policy.document["ladder"].values():
            if "escalation" in table:
                wait = table.pop("escalation")
                table["reminder"] = table["warning"] / 2
                table["escalations"] = [wait, {**wait, "value": min(2 * wait["value"], 3660)}]
        policy.save(update_fields=["document"])


def what_running_clocks_were_counted_from(apps, schema_editor):
    """Pauses and extensions, from the ledger."""
    running = apps.get_model("workorders", "Clock").objects.filter(stopped_at=None)
    events = apps.get_model("workorders", "Event").objects
    steps = {step for table in (PAUSED_BY, RESUMED_BY) for names in table.values() for step in names}
    for clock in running.filter(kind__in=PAUSED_BY):
        of_order = events.filter(order=clock.order_id, at__gte=clock.started_at, step__in=[*steps, "grant_extension"])
        for event in of_order.order_by("number"):
            if event.step in PAUSED_BY[clock.kind] or (event.step in RESUMED_BY[clock.kind] and len(clock.pauses) % 2):
                clock.pauses.append(event.at)
            elif event.step == "grant_extension" and clock.kind in RESOLUTION:
                clock.extra_days += event.data["length"]
        clock.pauses = clock.pauses[: len(clock.pauses) // 2 * 2]
        clock.save(update_fields=["pauses", "extra_days"])


class Migration(migrations.Migration):
    dependencies = [("workorders", "0009_slips")]

    operations = [
        migrations.CreateModel(
            name="CalendarChange",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("date", models.DateField(db_index=True)),
            ],
        ),
        migrations.RunSQL(CALENDAR, NO_CALENDAR),
        migrations.RunPython(five_levels_in_every_policy, migrations.RunPython.noop),
        migrations.RemoveIndex(model_name="clock", name="clock_alert_due"),
        migrations.AddField(
            model_name="clock",
            name="counted_from",
            field=models.DateTimeField(editable=False, null=True, verbose_name="counted from"),
        ),
        migrations.AddField(
            model_name="clock",
            name="extra_days",
            field=models.PositiveSmallIntegerField(
                default=0, editable=False, verbose_name="working days of extensions"
            ),
        ),
        migrations.AddField(
            model_name="clock",
            name="pauses",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.DateTimeField(), default=list, editable=False, size=None
            ),
        ),
        # Else the rows that are written here would stand in the way of altering their table.
        migrations.RunSQL("SET CONSTRAINTS ALL IMMEDIATE", migrations.RunSQL.noop),
        migrations.RunSQL([FIVE_INSTANTS, NEXT_ALERTS], migrations.RunSQL.noop),
        migrations.RunPython(what_running_clocks_were_counted_from, migrations.RunPython.noop),
        migrations.AlterField(
            model_name="clock",
            name="counted_from",
            field=models.DateTimeField(editable=False, verbose_name="counted from"),
        ),
        migrations.AddIndex(
            model_name="clock",
            index=models.Index(
                condition=models.Q(("next_alert_at__isnull", False)), fields=["next_alert_at"], name="clock_alert_due"
            ),
        ),
        migrations.AddIndex(
            model_name="clock",
            index=models.Index(
                condition=models.Q(("stopped_at__isnull", False)), fields=["stopped_at"], name="clock_stopped"
            ),
        ),
        migrations.AddConstraint(
            model_name="clock",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("next_alert_at", None),
                    models.Q(
                        models.Q(("stopped_at", None), ("next_alert_at__lte", models.F("stopped_at")), _connector="OR"),
                        models.Q(("paused_at", None), ("next_alert_at__lte", models.F("paused_at")), _connector="OR"),
                    ),
                    _connector="OR",
                ),
                name="clock_that_stands_owes_only_what_it_reached",
            ),
        ),
    ]
