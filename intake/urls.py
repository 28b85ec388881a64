from django.urls import path

from intake import views

urlpatterns = [path("intake/registration/", views.registration, name="registration")]
