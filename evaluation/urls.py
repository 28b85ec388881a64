from django.urls import path

from evaluation import views

urlpatterns = [
    path("figures/", views.figures, name="dashboard_figures"),
    path("pictures/", views.picture_data, name="dashboard_pictures"),
]
