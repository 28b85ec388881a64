from django.urls import path

from workorders.api import orders, reference, steps
from workorders.api.orders import dashed
from workorders.transitions import STEPS

ORDER = "workorders/<str:number>"

urlpatterns = [
    path("workorders/", orders.WorkOrders.as_view(), name="api_orders"),
    path("workorders/bulk/sign/", steps.BulkSign.as_view(), name="api_bulk_sign"),
    path(f"{ORDER}/", orders.WorkOrderDetail.as_view(), name="api_order"),
    path(f"{ORDER}/events/", orders.OrderEvents.as_view(), name="api_order_events"),
    path(f"{ORDER}/attachments/", steps.OrderAttachments.as_view(), name="api_attachments"),
    path(f"{ORDER}/attachments/<int:pk>/", orders.AttachmentFile.as_view(), name="api_attachment"),
    *[path(f"{ORDER}/{dashed(name)}/", steps.OrderStep.as_view(step=name), name=f"api_{name}") for name in STEPS],
    # The names with underscores, as the ledger writes them, are understood as well.
    path(f"{ORDER}/<slug:step>/", steps.OrderStep.as_view(), name="api_step"),
    path("units/", reference.Units.as_view(), name="api_units"),
    path("categories/", reference.Categories.as_view(), name="api_categories"),
    path("areas/", reference.Areas.as_view(), name="api_areas"),
    path("policy/", reference.PolicyInForce.as_view(), name="api_policy"),
    path("calendar/", reference.Calendar.as_view(), name="api_calendar"),
]
