from django.urls import path

from dispatch import rectification_views as views

urlpatterns = [
    path("", views.rectifications, name="rectifications"),
    path("<int:pk>/", views.rectification, name="rectification"),
    path("<int:pk>/<slug:name>/", views.act, name="rectification_act"),
]
