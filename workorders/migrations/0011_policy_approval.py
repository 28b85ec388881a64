import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

# A migration that has to bring stored documents up to the code switches the trigger off around itself:
# ALTER TABLE workorders_policy DISABLE TRIGGER policy_stays.
STAYS = """
CREATE FUNCTION workorders_policy_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.state = 'proposed' OR (NEW.state = 'approved' AND NEW.created_by_id IS NULL) THEN
            RETURN NEW;
        END IF;
        RAISE EXCEPTION 'A policy version begins as a proposal' USING ERRCODE = 'restrict_violation';
    END IF;
    IF TG_OP = 'DELETE' THEN
        RAISE EXCEPTION 'A policy version is never deleted' USING ERRCODE = 'restrict_violation';
    END IF;
    IF OLD.state <> 'proposed' AND NEW IS DISTINCT FROM OLD THEN
        RAISE EXCEPTION 'A policy version is decided once' USING ERRCODE = 'restrict_violation';
    END IF;
    IF NEW.state = 'approved' AND OLD.state = 'proposed' AND NEW.decided_by_id IS NULL THEN
        RAISE EXCEPTION 'A policy version is approved by somebody' USING ERRCODE = 'restrict_violation';
    END IF;
    IF ROW(NEW.id, NEW.version, NEW.title, NEW.source, NEW.document, NEW.effective_from, NEW.purpose, NEW.created_by_id,
        NEW.created_at) IS DISTINCT FROM ROW(OLD.id, OLD.version, OLD.title, OLD.source, OLD.document, OLD.effective_from,
        OLD.purpose, OLD.created_by_id, OLD.created_at) THEN
        RAISE EXCEPTION 'What a policy version says never changes' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER policy_stays BEFORE INSERT OR UPDATE OR DELETE ON workorders_policy
    FOR EACH ROW EXECUTE FUNCTION workorders_policy_stays();
"""

UNDO = """
DROP TRIGGER policy_stays ON workorders_policy;
DROP FUNCTION workorders_policy_stays();
"""


class Migration(migrations.Migration):
    dependencies = [
        ("workorders", "0010_ladder_of_five"),
    ]

    operations = [
        migrations.AddField(
            model_name="policy",
            name="decided_at",
            field=models.DateTimeField(editable=False, null=True, verbose_name="decided at"),
        ),
        migrations.AddField(
            model_name="policy",
            name="decided_by",
            field=models.ForeignKey(
                editable=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
                verbose_name="decided by",
            ),
        ),
        migrations.AddField(
            model_name="policy",
            name="decision",
            field=models.TextField(blank=True, editable=False, verbose_name="words of the decision"),
        ),
        migrations.AddField(
            model_name="policy",
            name="purpose",
            field=models.TextField(blank=True, verbose_name="why it is proposed"),
        ),
        migrations.AddField(
            model_name="policy",
            name="source",
            field=models.TextField(blank=True, verbose_name="text as it was written"),
        ),
        migrations.AddField(
            model_name="policy",
            name="state",
            field=models.CharField(
                choices=[
                    ("proposed", "Waiting for approval"),
                    ("approved", "Approved"),
                    ("rejected", "Rejected"),
                    ("withdrawn", "Withdrawn by its proposer"),
                ],
                default="approved",
                editable=False,
                max_length=10,
                verbose_name="state",
            ),
        ),
        # The versions that are there are in force: nobody had to approve them.
        migrations.AlterField(
            model_name="policy",
            name="state",
            field=models.CharField(
                choices=[
                    ("proposed", "Waiting for approval"),
                    ("approved", "Approved"),
                    ("rejected", "Rejected"),
                    ("withdrawn", "Withdrawn by its proposer"),
                ],
                default="proposed",
                editable=False,
                max_length=10,
                verbose_name="state",
            ),
        ),
        migrations.AlterField(
            model_name="policy",
            name="created_at",
            field=models.DateTimeField(default=django.utils.timezone.now, editable=False, verbose_name="proposed at"),
        ),
        migrations.AlterField(
            model_name="policy",
            name="created_by",
            field=models.ForeignKey(
                editable=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
                verbose_name="proposed by",
            ),
        ),
        migrations.AddConstraint(
            model_name="policy",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("state", "approved"), _negated=True),
                    models.Q(("decided_at", None), ("decided_by", None)),
                    models.Q(
                        ("created_by__isnull", False),
                        ("decided_at__isnull", False),
                        ("decided_by__isnull", False),
                        models.Q(("decided_by", models.F("created_by")), _negated=True),
                    ),
                    _connector="OR",
                ),
                name="policy_approved_by_another_person",
            ),
        ),
        migrations.AddConstraint(
            model_name="policy",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("state", "approved"), _negated=True),
                    ("decided_at", None),
                    ("effective_from__gte", models.F("decided_at")),
                    _connector="OR",
                ),
                name="policy_not_approved_for_the_past",
            ),
        ),
        migrations.AddConstraint(
            model_name="policy",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("state__in", ["rejected", "withdrawn"]), _negated=True),
                    models.Q(
                        ("decided_at__isnull", False),
                        ("decided_by__isnull", False),
                        models.Q(("decision", ""), _negated=True),
                    ),
                    _connector="OR",
                ),
                name="policy_turned_down_with_a_reason",
            ),
        ),
        migrations.AddConstraint(
            model_name="policy",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("state", "proposed"), _negated=True),
                    models.Q(("decided_at", None), ("decided_by", None), ("decision", "")),
                    _connector="OR",
                ),
                name="policy_proposed_is_undecided",
            ),
        ),
        migrations.RunSQL(STAYS, UNDO),
    ]
