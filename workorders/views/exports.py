import logging
from collections.abc import Callable
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpResponseBase, StreamingHttpResponse
from django.utils import timezone

from workorders import columns, export, selectors
from workorders.refusals import Invalid, NotVisible
from workorders.views import sought
from workorders.views.orders import filters
from workorders.views.request import StaffRequest

logger = logging.getLogger(__name__)
TYPES: dict[str, tuple[Callable[..., Any], str]] = {
    "csv": (export.as_csv, "text/csv; charset=utf-8"),
    "xlsx": (export.as_xlsx, "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
}


@login_required
def orders(request: StaffRequest, kind: str) -> HttpResponseBase:
    form = filters(request)
    if kind not in TYPES:
        raise NotVisible
    if not form.is_valid():
        raise Invalid(fields={name: [str(one) for one in found] for name, found in form.errors.items()})
    now = timezone.now()
    rows = selectors.listed(request.user, form.cleaned_data, now=now).iterator(export.CHUNK)
    shown = columns.chosen(form.cleaned_data["columns"])
    logger.info("%s exports orders as %s: %s", request.user.username, kind, sought.sealed(request.GET).urlencode())
    content, content_type = TYPES[kind]
    headers = {"Content-Disposition": f'attachment; filename="orders-{timezone.localtime(now):%Y%m%d-%H%M}.{kind}"'}
    return StreamingHttpResponse(content(rows, shown), content_type=content_type, headers=headers)
