from django.contrib import admin
from django.contrib.auth.views import LoginView, LogoutView
from django.urls import include, path
from django.views.generic import RedirectView

from config.api import router_urls
from config.health import healthz
from config.metrics import metrics
from config.proxy import MayUpload
from dispatch.oauth import Token
from workorders.views.account import OwnPassword, password_link, session

urlpatterns = [
    path("healthz", healthz),
    path("metrics", metrics),
    path("may-upload", MayUpload.as_view()),
    path("login/", LoginView.as_view(redirect_authenticated_user=True), name="login"),
    path("logout/", LogoutView.as_view(), name="logout"),
    path("account/password/", OwnPassword.as_view(), name="own_password"),
    path("account/session/", session, name="session"),
    path("account/link/<str:secret>/", password_link, name="password_link"),
    path("i18n/", include("django.conf.urls.i18n")),
    path("admin/dashboard/", include("evaluation.urls")),
    path("admin/password_change/", RedirectView.as_view(pattern_name="own_password")),
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
