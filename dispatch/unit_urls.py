from django.urls import path

from dispatch import unit_views as views

urlpatterns = [
    path("", views.desk, name="unit_desk"),
    path("sign/", views.sign, name="unit_sign"),
    path("worker.js", views.worker, name="unit_worker"),
    path("telephone/", views.telephone, name="unit_telephone"),
    path("<str:number>/", views.order, name="unit_order"),
    path("<str:number>/letter/", views.letter, name="unit_letter"),
]
