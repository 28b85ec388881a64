import tomllib
from typing import Any

import tomlkit
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from workorders.policy import Rules, problems_of


class PolicyQuerySet(models.QuerySet["Policy"]):
    def approved(self) -> "PolicyQuerySet":
        return self.filter(state=Policy.State.APPROVED)

    def in_force(self, at: Any) -> "Policy":
        """The approved version with the latest effective date not after `at`. Raises Policy.DoesNotExist where there is none."""
        return self.approved().filter(effective_from__lte=at).latest("effective_from", "version")


class Policy(models.Model):
    """One version of the rule book. Orders keep the version they run under, so what a version says never changes.

    Somebody proposes it, somebody else approves it (`policy_versions.py`); a database trigger lets it be decided once and
    refuses every other change. A version that came with the product has neither person.
    """

    class State(models.TextChoices):
        PROPOSED = "proposed", _("Waiting for approval")
        APPROVED = "approved", _("Approved")
        REJECTED = "rejected", _("Rejected")
        WITHDRAWN = "withdrawn", _("Withdrawn by its proposer")

    version = models.PositiveIntegerField(_("version"), unique=True)
    title = models.CharField(_("title"), max_length=120)
    source = models.TextField(_("text as it was written"), blank=True)
    document = models.JSONField(_("document"))
    effective_from = models.DateTimeField(_("effective from"))
    purpose = models.TextField(_("why it is proposed"), blank=True)
    created_at = models.DateTimeField(_("proposed at"), default=timezone.now, editable=False)
    created_by = models.ForeignKey(
        "User", models.PROTECT, null=True, editable=False, related_name="+", verbose_name=_("proposed by")
    )
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.PROPOSED, editable=False)
    decided_by = models.ForeignKey(
        "User", models.PROTECT, null=True, editable=False, related_name="+", verbose_name=_("decided by")
    )
    decided_at = models.DateTimeField(_("decided at"), null=True, editable=False)
    decision = models.TextField(_("words of the decision"), blank=True, editable=False)

    objects = PolicyQuerySet.as_manager()

    class Meta:
        verbose_name = _("policy version")
        verbose_name_plural = _("policy versions")
        ordering = ["-version"]
        constraints = [
            models.CheckConstraint(
                condition=~Q(state="approved")
                | Q(decided_by=None, decided_at=None)
                | (
                    Q(created_by__isnull=False, decided_by__isnull=False, decided_at__isnull=False)
                    & ~Q(decided_by=F("created_by"))
                ),
                name="policy_approved_by_another_person",
            ),
            models.CheckConstraint(
                condition=~Q(state="approved") | Q(decided_at=None) | Q(effective_from__gte=F("decided_at")),
                name="policy_not_approved_for_the_past",
            ),
            models.CheckConstraint(
                condition=~Q(state__in=["rejected", "withdrawn"])
                | (Q(decided_by__isnull=False, decided_at__isnull=False) & ~Q(decision="")),
                name="policy_turned_down_with_a_reason",
            ),
            models.CheckConstraint(
                condition=~Q(state="proposed") | Q(decided_by=None, decided_at=None, decision=""),
                name="policy_proposed_is_undecided",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.version} · {self.title}"

    def clean(self) -> None:
        problems = problems_of(self.document)
        if problems:
            raise ValidationError({"document": problems})

    @property
    def rules(self) -> Rules:
        return Rules(self.document)

    @property
    def text(self) -> str:
        """As TOML: as it was written, comments and all, where that still says what the document says."""
        if self.source and tomllib.loads(self.source) == self.document:
            return self.source
        return tomlkit.dumps(self.document)
