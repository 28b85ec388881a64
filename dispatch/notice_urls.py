from django.urls import path

from dispatch import notice_views

urlpatterns = [
    path("", notice_views.notices, name="notices"),
    path("unread/", notice_views.unread, name="unread_notices"),
    path("read/", notice_views.read_all, name="read_notices"),
    path("<int:pk>/", notice_views.notice, name="notice"),
]
