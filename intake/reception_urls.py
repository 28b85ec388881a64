"""受理台: the operators' desk."""

from django.urls import path

from intake import spoken_views, views

urlpatterns = [
    path("", views.desk, name="reception"),
    path("spoken/", spoken_views.spoken_of, name="spoken_of"),
    path("caller/", views.caller, name="caller"),
    path("ringing/", views.ringing, name="ringing"),
    path("urge/<str:number>/", views.urge, name="urge_from_desk"),
]
