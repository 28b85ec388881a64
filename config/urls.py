from django.contrib import admin
from django.contrib.auth.views import LoginView, LogoutView
from django.urls import include, path

from config.api import router_urls
from config.health import healthz
from config.metrics import metrics
from config.proxy import MayUpload
from dispatch.oauth import Token

urlpatterns = [
    path("healthz", healthz),
    path("metrics", metrics),
    path("may-upload", MayUpload.as_view()),
    path("login/", LoginView.as_view(redirect_authenticated_user=True), name="login"),
    path("logout/", LogoutView.as_view(), name="logout"),
    path("i18n/", include("django.conf.urls.i18n")),
    path("admin/dashboard/", include("evaluation.urls")),
    path("admin/", admin.site.urls),
    path("oauth/token/", Token.as_view(), name="token"),
    path("api/v1/", include(router_urls)),
    path("notices/", include("dispatch.notice_urls")),
    path("reception/", include("intake.reception_urls")),
    path("reception/", include("intake.triage_urls")),
    path("", include("intake.urls")),
    path("unit/", include("dispatch.unit_urls")),
    path("rectifications/", include("dispatch.rectification_urls")),
    path("callbacks/", include("evaluation.callback_urls")),
    path("dispatch/", include("dispatch.desk_urls")),
    path("", include("workorders.urls")),
]

handler500 = "config.api.server_error"
