from django.db import models
from django.utils.translation import gettext_lazy as _


class CalendarDay(models.Model):
    """One day of an announced year. A year without rows has not been announced: limits into it are provisional."""

    date = models.DateField(_("date"), primary_key=True)
    is_working = models.BooleanField(_("working day"))
    note = models.CharField(_("note"), max_length=80, blank=True)

    class Meta:
        verbose_name = _("calendar day")
        verbose_name_plural = _("calendar days")
        ordering = ["date"]

    def __str__(self) -> str:
        return f"{self.date:%Y-%m-%d}"


class CalendarChange(models.Model):
    """A day that was entered, changed or taken out, written by the database itself whoever did it.

    It stands until the deadlines that run across the day have been computed anew.
    """

    date = models.DateField(db_index=True)

    def __str__(self) -> str:
        return f"{self.date:%Y-%m-%d}"
