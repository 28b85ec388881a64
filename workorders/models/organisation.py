"""Who people and units are, where things happen, and what they are about."""

from typing import Any, ClassVar

from django.contrib.auth.models import AbstractUser
from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from workorders.lifecycle import HELD, Grade, Role
from workorders.models.account import AccountManager

# 010-65001234 转 801
is_telephone = RegexValidator(
    r"\A\+?[0-9(（][0-9()（） -]{3,}[0-9](?:[ ]?(?:转|ext\.?|x|-)[ ]?[0-9]{1,6})?\Z",
    _("A telephone: digits, with blanks, dashes or brackets between them, and an extension after 转 or ext."),
)


class Tree(models.Model):
    """A node that knows the codes from the root down to itself, so that a whole branch is one prefix search."""

    code = models.CharField(_("code"), max_length=20, unique=True)
    name = models.CharField(_("name"), max_length=80)
    parent = models.ForeignKey(
        "self", models.PROTECT, null=True, blank=True, related_name="children", verbose_name=_("parent")
    )
    path = models.CharField(_("path"), max_length=200, unique=True, editable=False)
    is_active = models.BooleanField(_("active"), default=True)

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return self.name

    def save(self, **options: Any) -> None:
        before = self.path
        self.path = self.path_below(self.parent)
        super().save(**options)
        if before and before != self.path:
            for child in self.children.all():  # type: ignore[attr-defined]
                child.save()

    def path_below(self, parent: "Tree | None") -> str:
        return f"{parent.path if parent else '/'}{self.code}/"

    def branch(self) -> models.QuerySet[Any]:
        """This node and all below it."""
        rows: Any = type(self)
        return rows.objects.filter(path__startswith=self.path)

    def chain(self) -> list[str]:
        """The codes from this node up to the root."""
        return self.path.strip("/").split("/")[::-1]


class Unit(Tree):
    class Kind(models.TextChoices):
        CITY = "city", _("City hotline authority")
        DISTRICT = "district", _("District government")
        STREET = "street", _("Street or township")
        DEPARTMENT = "department", _("Sector department")
        UTILITY = "utility", _("Public utility")

    kind = models.CharField(_("kind"), max_length=20, choices=Kind)
    area = models.ForeignKey(
        "Area", models.PROTECT, null=True, blank=True, related_name="units", verbose_name=_("area")
    )
    sector = models.SlugField(_("sector"), max_length=40, blank=True)
    phone = models.CharField(_("telephone"), max_length=40, blank=True, validators=[is_telephone])
    successor = models.ForeignKey(
        "self",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="predecessors",
        verbose_name=_("taken over by"),
        help_text=_("Once this unit is switched off, the orders in its hands go there, and what comes back later too."),
    )

    class Meta:
        verbose_name = _("unit")
        verbose_name_plural = _("units")
        ordering = ["path"]
        constraints = [
            models.UniqueConstraint(fields=["sector"], condition=~models.Q(sector=""), name="one_unit_per_sector"),
            models.CheckConstraint(
                condition=models.Q(successor=None) | ~models.Q(successor=models.F("id")),
                name="unit_does_not_succeed_itself",
            ),
        ]

    def clean(self) -> None:
        """Say at the form what the database would refuse: nobody leaves orders behind that nobody takes over."""
        super().clean()
        heir = self.successor
        if heir and (heir.pk == self.pk or not heir.is_active or heir.kind == self.Kind.CITY):
            raise ValidationError({"successor": _("Choose another unit that is active and handles orders.")})
        left = self.orders_in_hand() if self.pk and not self.is_active and heir is None else 0
        if left:
            message = ngettext(
                "%(count)s order is in this unit's hands: choose the unit that takes it over.",
                "%(count)s orders are in this unit's hands: choose the unit that takes them over.",
                left,
            )
            raise ValidationError({"successor": message % {"count": left}})

    def orders_in_hand(self) -> int:
        return self.led_orders.filter(status__in=HELD).count()

    def heir(self) -> "Unit | None":
        """Return the active unit that takes over, along closed ones; None where there is none."""
        passed, unit = {self.pk}, self.successor
        while unit is not None and not unit.is_active and unit.pk not in passed:
            passed.add(unit.pk)
            unit = unit.successor
        return unit if unit is not None and unit.is_active else None


class Area(Tree):
    """Codes of GB/T 2260: six digits for a district, nine for a street or township."""

    class Level(models.TextChoices):
        CITY = "city", _("City")
        DISTRICT = "district", _("District")
        STREET = "street", _("Street or township")

    level = models.CharField(_("level"), max_length=20, choices=Level)

    class Meta:
        verbose_name = _("area")
        verbose_name_plural = _("areas")
        ordering = ["path"]


class Category(Tree):
    class Retention(models.TextChoices):
        GENERAL = "general", _("General, 10 years")
        MAJOR = "major", _("Major, 30 years")
        PERMANENT = "permanent", _("Permanent")

    name_en = models.CharField(_("English name"), max_length=120)
    grade = models.CharField(_("default grade"), max_length=20, choices=Grade)
    sector = models.SlugField(_("responsible sector"), max_length=40)
    retention = models.CharField(_("retention class"), max_length=20, choices=Retention)

    class Meta:
        verbose_name = _("category")
        verbose_name_plural = _("categories")
        ordering = ["path"]


ENTER_ADMINISTRATION = (Role.ADMINISTRATOR, Role.SUPERVISOR, Role.AUDITOR)


class User(AbstractUser):
    unit = models.ForeignKey(
        Unit, models.PROTECT, null=True, blank=True, related_name="users", verbose_name=_("own unit")
    )
    roles = ArrayField(models.CharField(max_length=20, choices=Role), default=list, blank=True, verbose_name=_("roles"))
    office_phone = models.CharField(
        _("office telephone"),
        max_length=40,
        blank=True,
        validators=[is_telephone],
        help_text=_("Stands in letters and first responses; without one, the unit's."),
    )
    must_change_password = models.BooleanField(_("has to change the password"), default=False, editable=False)
    is_service = models.BooleanField(_("acts for a system, and never logs in"), default=False, editable=False)

    objects: ClassVar[Any] = AccountManager()

    class Meta:
        verbose_name = _("user")
        verbose_name_plural = _("users")
        ordering = ["username"]

    def __str__(self) -> str:
        return self.get_full_name() or self.username

    def save(self, *args: Any, **options: Any) -> None:
        self.is_staff = self.is_superuser or self.has_role(*ENTER_ADMINISTRATION)
        super().save(*args, **options)

    def set_password(self, raw_password: str | None) -> None:
        """Set a password that somebody else knows; `passwords.py` lifts the demand when it is the user's own choice."""
        super().set_password(raw_password)
        self.must_change_password = True

    @property
    def telephone(self) -> str:
        """Where the complainant reaches who handles the order: their own desk, or their unit."""
        return self.office_phone or (self.unit.phone if self.unit else "")

    def has_role(self, *roles: str) -> bool:
        return bool(set(roles) & set(self.roles))
