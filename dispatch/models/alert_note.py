from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _


class AlertNote(models.Model):
    """What was done about an alert, by whom: its history, only ever added to (a trigger sees to it).

    No author: the system. `to` is who got it, `level` where it was escalated to.
    """

    class Act(models.TextChoices):
        ACKNOWLEDGE = "acknowledge", _("Acknowledged")
        ASSIGN = "assign", _("Assigned")
        COMMENT = "comment", _("Comment")
        ESCALATE = "escalate", _("Escalated")
        RESOLVE = "resolve", _("Resolved")
        SETTLE = "settle", _("Resolved by itself")

    alert = models.ForeignKey("dispatch.Alert", models.PROTECT, related_name="notes", verbose_name=_("alert"))
    author = models.ForeignKey("workorders.User", models.PROTECT, null=True, related_name="+", verbose_name=_("author"))
    at = models.DateTimeField(_("at"))
    act = models.CharField(_("act"), max_length=20, choices=Act)
    text = models.TextField(_("text"), max_length=2000, blank=True)
    to = models.ForeignKey("workorders.User", models.PROTECT, null=True, related_name="+", verbose_name=_("to"))
    level = models.PositiveSmallIntegerField(_("level"), null=True)

    class Meta:
        verbose_name = _("note on an alert")
        verbose_name_plural = _("notes on alerts")
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(act="settle", author=None) | (~Q(act="settle") & Q(author__isnull=False)),
                name="note_has_an_author_or_is_the_systems",
            ),
            models.CheckConstraint(condition=Q(act__in=["acknowledge", "assign"]) | ~Q(text=""), name="note_says_why"),
            models.CheckConstraint(
                condition=(Q(act="assign", to__isnull=False) | (~Q(act="assign") & Q(to=None)))
                & (Q(act="escalate", level__isnull=False) | (~Q(act="escalate") & Q(level=None))),
                name="note_says_to_whom_and_where",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_act_display()} {self.text}".strip()
