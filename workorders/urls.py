from django.urls import path
from django.views.generic import RedirectView

from workorders.views import attachments, exports, lookups, orders, palette, saved, steps, strip, work

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="orders")),
    path("orders/", orders.orders, name="orders"),
    path("find/", orders.find, name="find"),
    path("orders/next/", orders.next_one, name="next_order"),
    path("orders.<slug:kind>", exports.orders, name="export"),
    path("orders/<str:number>/", orders.order, name="order"),
    path("orders/<str:number>/changed/", orders.changed, name="order_changed"),
    path("orders/<str:number>/steps/<slug:name>/", steps.step, name="step"),
    path("orders/<str:number>/take-back/", strip.take_back, name="take_back"),
    path("orders/<str:number>/files/<int:pk>/", attachments.attachment, name="attachment"),
    path("palette/", palette.palette, name="palette"),
    path("work/", work.work, name="work"),
    path("banners/", lookups.banners, name="banners"),
    path("views/", saved.save, name="save_view"),
    path("views/<int:pk>/remove/", saved.remove, name="remove_view"),
    path("lists/<slug:name>/", lookups.lookup, name="lookup"),
]
