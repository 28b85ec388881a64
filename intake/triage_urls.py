from django.urls import path, re_path

from intake import triage_views

urlpatterns = [
    path("beside/", triage_views.beside, name="beside"),
    path("queue/", triage_views.queue, name="triage_queue"),
    path("queue/next/", triage_views.next_one, name="next_in_triage"),
    re_path(r"^(?P<number>\d{13})/$", triage_views.triage, name="triage"),
]
