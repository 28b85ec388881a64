import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("evaluation", "0002_tally"),
        ("workorders", "0011_policy_approval"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Simulation",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("days", models.PositiveSmallIntegerField(verbose_name="days")),
                ("sample", models.PositiveIntegerField(verbose_name="orders at most")),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("waiting", "Waiting to begin"),
                            ("running", "Running"),
                            ("finished", "Finished"),
                            ("failed", "Failed"),
                        ],
                        default="waiting",
                        max_length=10,
                        verbose_name="state",
                    ),
                ),
                ("asked_at", models.DateTimeField(verbose_name="asked at")),
                ("moved_at", models.DateTimeField(verbose_name="last sign of progress")),
                ("done", models.PositiveIntegerField(default=0, verbose_name="orders replayed")),
                ("orders", models.PositiveIntegerField(null=True, verbose_name="orders to replay")),
                ("finished_at", models.DateTimeField(null=True, verbose_name="finished at")),
                ("result", models.JSONField(null=True, verbose_name="result")),
                (
                    "asked_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="asked by",
                    ),
                ),
                (
                    "policy",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="simulations",
                        to="workorders.policy",
                        verbose_name="policy version",
                    ),
                ),
            ],
            options={
                "verbose_name": "policy simulation",
                "verbose_name_plural": "policy simulations",
                "ordering": ["-id"],
                "indexes": [
                    models.Index(
                        condition=models.Q(("state__in", ["waiting", "running"])),
                        fields=["moved_at"],
                        name="simulation_to_run",
                    )
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("finished_at__isnull", False), ("result__isnull", False), ("state", "finished")),
                            models.Q(models.Q(("state", "finished"), _negated=True), ("result", None)),
                            _connector="OR",
                        ),
                        name="simulation_finished_has_result",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("state__in", ["waiting", "running"])),
                        fields=("policy",),
                        name="one_simulation_at_a_time",
                    ),
                ],
            },
        ),
    ]
