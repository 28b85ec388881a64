"""并单: the form of a merge, with the one order filled in that the matter most likely belongs to."""

from collections.abc import Iterable
from functools import cached_property
from typing import TYPE_CHECKING, Any

from django.utils import timezone
from django.utils.functional import SimpleLazyObject
from django.utils.translation import gettext as _

from intake import candidates
from intake.forms import MergeForm
from intake.models import Appeal
from intake.panels import appeals_under
from workorders.masking import masked

if TYPE_CHECKING:
    from workorders.models import WorkOrder


def asked_of(order: "WorkOrder", appeals: Iterable[Appeal] | None = None) -> candidates.Asked:
    """Return what the order's likeness to others is judged by; `appeals` where they are read already."""
    voices = appeals_under(order) if appeals is None else appeals
    people = [appeal.complainant for appeal in voices if appeal.complainant]
    return candidates.Asked(
        text=f"{order.title} / {order.matter}",
        phones=[person.phone for person in people if person.phone],
        area=order.area,
        address=order.address,
        but=order.pk,
    )


class SuggestingMergeForm(MergeForm):
    """Exactly one likely parent is filled in, and named; of several a person chooses."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        if not self.is_bound and "parent" not in self.initial:
            # Looked for where the form is shown: the form of a machine's list of actions shows it to nobody.
            self.fields["parent"].initial = lambda: self.only_likely_parent
            self.fields["parent"].help_text = SimpleLazyObject(self._hint)  # type: ignore[assignment]

    @cached_property
    def only_likely_parent(self) -> "WorkOrder | None":
        if self.actor is None:
            return None
        alike = candidates.beside(asked_of(self.order), self.actor, now=timezone.now()).alike
        parents = [one.order for one in alike if one.may_be_parent]
        return parents[0] if len(parents) == 1 else None

    def _hint(self) -> str:
        parent = self.only_likely_parent
        return _("The only order like it: “%(title)s”") % {"title": masked(parent.title)} if parent else ""
