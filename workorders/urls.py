from django.urls import path
from django.views.generic import RedirectView

from workorders.views import attachments, lookups, orders, steps

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="orders")),
    path("orders/", orders.orders, name="orders"),
    path("orders/<str:number>/", orders.order, name="order"),
    path("orders/<str:number>/changed/", orders.changed, name="order_changed"),
    path("orders/<str:number>/steps/<slug:name>/", steps.step, name="step"),
    path("orders/<str:number>/files/<int:pk>/", attachments.attachment, name="attachment"),
    path("lists/<slug:name>/", lookups.lookup, name="lookup"),
]
