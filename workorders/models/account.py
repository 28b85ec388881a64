"""How people come in and what they may do: the log of accounts, requests for roles, one-time links, counted failures."""

from typing import Any

from django.contrib.auth.models import UserManager
from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from workorders.lifecycle import Role

BY_COMMAND = _("Administrators are made by a command on the server: manage.py create_administrator NAME")


class AccountManager(UserManager[Any]):
    """Whoever is made with a password by somebody else chooses an own one at the first log-in."""

    use_in_migrations = False

    def create_user(self, *args: Any, **fields: Any) -> Any:
        return super().create_user(*args, **{"must_change_password": True, **fields})

    def create_superuser(self, *args: Any, **fields: Any) -> Any:
        raise ValidationError(BY_COMMAND)


class AccountEvent(models.Model):
    """One line of the log of accounts 账号日志. Append-only and chained like the ledger (see `account_log.py`).

    `user` is the account concerned, `actor` who did it; the actor is none where the system or the server did.
    A name that belongs to no account is never written down, because people type passwords into the wrong field.
    """

    class Kind(models.TextChoices):
        LOGGED_IN = "logged_in", _("Logged in")
        FAILED = "failed", _("Wrong name or password")
        HELD_OFF = "held_off", _("Held off after too many failures")
        LOGGED_OUT = "logged_out", _("Logged out")
        TIMED_OUT = "timed_out", _("Logged out after idling")
        CREATED = "created", _("Account created")
        PASSWORD_CHANGED = "password_changed", _("Own password changed")
        LINK_ISSUED = "link_issued", _("One-time link issued")
        LINK_USED = "link_used", _("Password set by one-time link")
        ROLES_REQUESTED = "roles_requested", _("Roles requested")
        ROLES_GIVEN = "roles_given", _("Roles given")
        REQUEST_REJECTED = "request_rejected", _("Request for roles rejected")
        REQUEST_WITHDRAWN = "request_withdrawn", _("Request for roles withdrawn")
        ROLES_TAKEN = "roles_taken", _("Roles or unit taken away")
        SWITCHED_OFF = "switched_off", _("Account switched off")
        SWITCHED_ON = "switched_on", _("Account switched on")

    number = models.PositiveBigIntegerField(_("number"), unique=True)
    kind = models.CharField(_("what happened"), max_length=20, choices=Kind)
    at = models.DateTimeField(_("at"))
    user = models.ForeignKey("User", models.PROTECT, null=True, related_name="+", verbose_name=_("account"))
    user_name = models.CharField(max_length=150, blank=True)
    actor = models.ForeignKey("User", models.PROTECT, null=True, related_name="+", verbose_name=_("done by"))
    actor_name = models.CharField(max_length=150, blank=True)
    address = models.CharField(_("address"), max_length=45, blank=True)
    agent = models.CharField(_("browser"), max_length=200, blank=True)
    data = models.JSONField(_("data"), default=dict)
    previous_hash = models.CharField(max_length=64, blank=True)
    hash = models.CharField(max_length=64)

    class Meta:
        verbose_name = _("event of an account")
        verbose_name_plural = _("log of accounts")
        ordering = ["-number"]
        indexes = [models.Index(fields=["user", "-number"], name="account_event_of_user")]

    def __str__(self) -> str:
        return f"{self.number} {self.kind}"


class AccessRequest(models.Model):
    """Roles that one person asks for another and a third gives 授权申请. A trigger on users accepts no roles without one.

    A request of the server's own commands has no persons. It is decided once and never changed (a trigger, too).
    """

    class State(models.TextChoices):
        PROPOSED = "proposed", _("Waiting for a second person")
        APPROVED = "approved", _("Approved")
        REJECTED = "rejected", _("Rejected")
        WITHDRAWN = "withdrawn", _("Withdrawn")

    user = models.ForeignKey("User", models.PROTECT, related_name="access_requests", verbose_name=_("account"))
    roles = ArrayField(models.CharField(max_length=20, choices=Role), default=list, verbose_name=_("roles"))
    unit = models.ForeignKey("Unit", models.PROTECT, null=True, related_name="+", verbose_name=_("unit"))
    # As the account was when they were asked for: what has changed since is looked at anew.
    roles_before = ArrayField(models.CharField(max_length=20), default=list, editable=False)
    unit_before = models.ForeignKey("Unit", models.PROTECT, null=True, related_name="+", editable=False)
    was_active = models.BooleanField(default=True, editable=False)
    purpose = models.TextField(_("what they are for"), blank=True)
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.PROPOSED)
    created_by = models.ForeignKey("User", models.PROTECT, null=True, related_name="+", verbose_name=_("requested by"))
    created_at = models.DateTimeField(_("requested at"))
    decided_by = models.ForeignKey("User", models.PROTECT, null=True, related_name="+", verbose_name=_("decided by"))
    decided_at = models.DateTimeField(_("decided at"), null=True)
    decision = models.TextField(_("words of the decision"), blank=True)
    # The database's transaction that approved it: the trigger on users asks for it.
    decided_in = models.BigIntegerField(null=True, editable=False)

    class Meta:
        verbose_name = _("request for roles")
        verbose_name_plural = _("requests for roles")
        ordering = ["-created_at", "-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["user"], condition=Q(state="proposed"), name="access_requested_once_a_user"
            ),
            models.CheckConstraint(
                condition=Q(created_by=None) | ~Q(created_by=F("user")), name="access_not_requested_for_oneself"
            ),
            models.CheckConstraint(
                condition=~Q(state="approved")
                | Q(created_by=None, decided_by=None)
                | (
                    Q(created_by__isnull=False, decided_by__isnull=False, decided_at__isnull=False)
                    & ~Q(decided_by=F("created_by"))
                    & ~Q(decided_by=F("user"))
                ),
                name="access_approved_by_another_person",
            ),
            models.CheckConstraint(
                condition=~Q(state="proposed")
                | Q(created_by__isnull=False, decided_by=None, decided_at=None, decision=""),
                name="access_proposed_is_undecided",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user} · {self.get_state_display()}"


class PasswordLink(models.Model):
    """A link by which somebody sets a password, once. Of the link itself only a digest is stored."""

    user = models.ForeignKey("User", models.CASCADE, related_name="+")
    digest = models.CharField(max_length=64, unique=True)
    issued_by = models.ForeignKey("User", models.PROTECT, null=True, related_name="+")
    issued_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["user", "-used_at"], name="password_link_used")]


class FailedLogins(models.Model):
    """Failures of one account from one place, or of one address, and until when the next try has to wait."""

    key = models.CharField(max_length=64, unique=True)
    failures = models.PositiveIntegerField(default=0)
    counted_at = models.DateTimeField()
    wait_until = models.DateTimeField(null=True)
    held_off = models.PositiveIntegerField(default=0)

    class Meta:
        indexes = [models.Index(fields=["counted_at"], name="failed_logins_by_age")]
