from django.urls import path

from dispatch import desk_views as views

urlpatterns = [
    path("", views.desk, name="dispatch_desk"),
    path("empty/", views.empty, name="dispatch_empty"),
    path("queue/", views.queue_rows, name="dispatch_queue"),
    path("requests/", views.requests, name="request_desk"),
    path("requests/empty/", views.no_request, name="requests_empty"),
    path("requests/queue/", views.request_rows, name="request_queue"),
    path("requests/<int:pk>/", views.one_request, name="request_to_decide"),
    path("<str:number>/", views.one, name="dispatch_one"),
    path("<str:number>/alike/", views.alike, name="dispatch_alike"),
]
