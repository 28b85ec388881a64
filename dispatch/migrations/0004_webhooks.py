import django.contrib.postgres.fields
import django.db.models.deletion
from django.db import migrations, models

import workorders.fields


class Migration(migrations.Migration):
    dependencies = [
        ("dispatch", "0003_requests"),
        ("workorders", "0005_feed"),
    ]

    operations = [
        migrations.CreateModel(
            name="Webhook",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("url", models.CharField(max_length=500, verbose_name="address")),
                (
                    "event_types",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=40), size=None, verbose_name="steps it is told of"
                    ),
                ),
                ("secret", workorders.fields.EncryptedField(editable=False, verbose_name="secret")),
                (
                    "previous_secret",
                    workorders.fields.EncryptedField(blank=True, editable=False, verbose_name="previous secret"),
                ),
                (
                    "previous_secret_until",
                    models.DateTimeField(editable=False, null=True, verbose_name="previous secret valid until"),
                ),
                ("seen_transaction", models.BigIntegerField(editable=False)),
                ("seen_event", models.BigIntegerField(editable=False)),
                ("failing_since", models.DateTimeField(editable=False, null=True, verbose_name="failing since")),
                ("switched_off_at", models.DateTimeField(editable=False, null=True, verbose_name="switched off at")),
                (
                    "notice",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("owner", "Switched off by its owner"),
                            ("failing", "Switched off: nothing could be delivered for three days"),
                            ("gone", "Switched off: the receiver answered that it is gone (410)"),
                        ],
                        editable=False,
                        max_length=10,
                        verbose_name="notice",
                    ),
                ),
                ("created_at", models.DateTimeField(verbose_name="created at")),
                (
                    "created_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="workorders.user",
                        verbose_name="created by",
                    ),
                ),
                (
                    "unit",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="webhooks",
                        to="workorders.unit",
                        verbose_name="unit",
                    ),
                ),
            ],
            options={
                "verbose_name": "webhook",
                "verbose_name_plural": "webhooks",
                "ordering": ["unit", "id"],
            },
        ),
        migrations.CreateModel(
            name="Delivery",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "state",
                    models.CharField(
                        choices=[("pending", "To be sent"), ("delivered", "Delivered"), ("failed", "Given up")],
                        default="pending",
                        max_length=10,
                        verbose_name="state",
                    ),
                ),
                ("attempts", models.PositiveSmallIntegerField(default=0, verbose_name="attempts")),
                ("next_attempt_at", models.DateTimeField(null=True, verbose_name="next attempt at")),
                ("last_code", models.PositiveSmallIntegerField(null=True, verbose_name="last HTTP status")),
                ("last_error", models.CharField(blank=True, max_length=40, verbose_name="last error")),
                ("log", models.JSONField(default=list, verbose_name="log of attempts")),
                ("created_at", models.DateTimeField(verbose_name="created at")),
                ("delivered_at", models.DateTimeField(null=True, verbose_name="delivered at")),
                (
                    "event",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="workorders.event",
                        verbose_name="event",
                    ),
                ),
                (
                    "webhook",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="deliveries",
                        to="dispatch.webhook",
                        verbose_name="webhook",
                    ),
                ),
            ],
            options={
                "verbose_name": "delivery",
                "verbose_name_plural": "deliveries",
                "ordering": ["-id"],
            },
        ),
        migrations.AddConstraint(
            model_name="webhook",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("notice", ""), ("switched_off_at", None)),
                    models.Q(("switched_off_at__isnull", False), models.Q(("notice", ""), _negated=True)),
                    _connector="OR",
                ),
                name="webhook_off_with_a_notice",
            ),
        ),
        migrations.AddIndex(
            model_name="delivery",
            index=models.Index(
                condition=models.Q(("state", "pending")),
                fields=["webhook", "next_attempt_at", "id"],
                name="delivery_due",
            ),
        ),
        migrations.AddIndex(
            model_name="delivery",
            index=models.Index(fields=["webhook", "-id"], name="delivery_by_webhook"),
        ),
        migrations.AddConstraint(
            model_name="delivery",
            constraint=models.UniqueConstraint(fields=("webhook", "event"), name="one_delivery_an_event"),
        ),
        migrations.AddConstraint(
            model_name="delivery",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("next_attempt_at__isnull", False), ("state", "pending")),
                    models.Q(("next_attempt_at", None), ("state__in", ["delivered", "failed"])),
                    _connector="OR",
                ),
                name="delivery_pending_has_a_time",
            ),
        ),
    ]
