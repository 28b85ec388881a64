import logging

from django.contrib.auth.decorators import login_required
from django.http import FileResponse, HttpResponseBase, StreamingHttpResponse
from django.utils import timezone

from workorders import columns, export, selectors
from workorders.refusals import Invalid, NotVisible
from workorders.views import sought
from workorders.views.orders import filters
from workorders.views.request import StaffRequest

logger = logging.getLogger(__name__)
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@login_required
def orders(request: StaffRequest, kind: str) -> HttpResponseBase:
    form = filters(request)
    if kind not in ("csv", "xlsx"):
        raise NotVisible
    if not form.is_valid():
        raise Invalid(fields={name: [str(one) for one in found] for name, found in form.errors.items()})
    now = timezone.now()
    rows = selectors.listed(request.user, form.cleaned_data, now=now).iterator(export.CHUNK)
    shown = columns.chosen(form.cleaned_data["columns"])
    logger.info("%s exports orders as %s: %s", request.user.username, kind, sought.sealed(request.GET).urlencode())
    name = f"{timezone.localtime(now):%Y%m%d-%H%M}.{kind}"
    if kind == "xlsx":
        return FileResponse(
            export.as_xlsx(rows, shown), content_type=XLSX, as_attachment=True, filename=f"orders-{name}"
        )
    headers = {"Content-Disposition": f'attachment; filename="orders-{name}"'}
    return StreamingHttpResponse(export.as_csv(rows, shown), content_type="text/csv; charset=utf-8", headers=headers)
