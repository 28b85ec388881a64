from django.contrib.auth.decorators import login_required
from django.http import FileResponse, HttpRequest

from workorders.models import Attachment, WorkOrder
from workorders.refusals import NotVisible


@login_required
def attachment(request: HttpRequest, number: str, pk: int) -> FileResponse:
    """A picture may be shown in the page; everything else is only ever saved."""
    orders = WorkOrder.objects.visible_to(request.user).filter(number=number)
    found = Attachment.objects.filter(pk=pk, order__in=orders).first()
    if found is None:
        raise NotVisible
    shown = found.content_type.startswith("image/")
    response = FileResponse(
        found.file.open(), content_type=found.content_type, as_attachment=not shown, filename=found.name
    )
    response["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return response
