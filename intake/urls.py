from django.urls import path
from django.views.generic import RedirectView

urlpatterns = [
    path("intake/registration/", RedirectView.as_view(pattern_name="reception", query_string=True), name="registration")
]
