from django.urls import path

from evaluation import callback_views as views

urlpatterns = [
    path("", views.desk, name="callback_desk"),
    path("empty/", views.empty, name="callback_empty"),
    path("another/", views.another, name="callback_another"),
    path("<str:number>/", views.call, name="callback"),
    path("<str:number>/<str:name>/", views.send, name="callback_send"),
]
