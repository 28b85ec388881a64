from typing import Any

from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext_lazy as _

from workorders.policy import Rules, problems_of


class PolicyQuerySet(models.QuerySet["Policy"]):
    def in_force(self, at: Any) -> "Policy":
        """The version with the latest effective date not after `at`. Raises Policy.DoesNotExist where there is none."""
        return self.filter(effective_from__lte=at).latest("effective_from", "version")


class Policy(models.Model):
    """One version of the rule book. Orders keep the version they run under, so a version never changes."""

    version = models.PositiveIntegerField(_("version"), unique=True)
    title = models.CharField(_("title"), max_length=120)
    document = models.JSONField(_("document"))
    effective_from = models.DateTimeField(_("effective from"))
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    created_by = models.ForeignKey(
        "User", models.PROTECT, null=True, editable=False, related_name="+", verbose_name=_("created by")
    )

    objects = PolicyQuerySet.as_manager()

    class Meta:
        verbose_name = _("policy version")
        verbose_name_plural = _("policy versions")
        ordering = ["-version"]

    def __str__(self) -> str:
        return f"{self.version} · {self.title}"

    def clean(self) -> None:
        problems = problems_of(self.document)
        if problems:
            raise ValidationError({"document": problems})

    @property
    def rules(self) -> Rules:
        return Rules(self.document)
