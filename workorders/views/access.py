"""Who may open a desk."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.utils.translation import gettext as _

from workorders.lifecycle import Role
from workorders.permissions import is_of_hotline
from workorders.refusals import NotAllowed
from workorders.views.request import StaffRequest

View = Callable[..., HttpResponse]


def for_hotline(role: Role) -> Callable[[View], View]:
    """A desk at which people of this role sit at the hotline itself, whatever roles somebody in a unit was given."""

    def guard(view: View) -> View:
        @login_required
        @wraps(view)
        def guarded(request: StaffRequest, *args: Any, **named: Any) -> HttpResponse:
            if not is_of_hotline(request.user, role):
                raise NotAllowed(_("This desk of the hotline is for: %(role)s.") % {"role": role.label})
            return view(request, *args, **named)

        return guarded

    return guard
