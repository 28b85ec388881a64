from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from workorders.lifecycle import Kind


class StandardText(models.Model):
    """标准话术: what is said alike to everybody, at one step; `{names}` in it stand for facts of the order.

    `code` names what the product ships, so that loading it again knows it under whatever title it has now.
    """

    code = models.CharField(_("code"), max_length=40, blank=True, editable=False)
    step = models.CharField(_("step"), max_length=40)
    category = models.ForeignKey(
        "Category",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("category"),
        help_text=_("For this category and all below it; empty is for every one"),
    )
    kind = models.CharField(_("kind"), max_length=20, choices=Kind, blank=True, help_text=_("Empty is for every kind"))
    again = models.BooleanField(_("only in a rework"), default=False)
    title = models.CharField(_("title"), max_length=80)
    text = models.TextField(_("text"), max_length=4000)
    position = models.PositiveSmallIntegerField(_("position"), default=100, help_text=_("The smallest comes first"))
    is_active = models.BooleanField(_("active"), default=True)

    class Meta:
        verbose_name = _("standard text")
        verbose_name_plural = _("standard texts")
        ordering = ["step", "position", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["step", "category", "kind", "title"],
                nulls_distinct=False,
                name="one_standard_text_of_a_title",
                violation_error_message=_("There is a text with this title for this step, category and kind."),
            ),
            models.UniqueConstraint(fields=["code"], condition=~Q(code=""), name="standard_text_shipped_once"),
            models.CheckConstraint(condition=~Q(text=""), name="standard_text_says_something"),
        ]
        indexes = [
            models.Index(fields=["step"], condition=Q(is_active=True), name="standard_text_in_use"),
        ]

    def __str__(self) -> str:
        return self.title
