"""Everything that differs between places comes from the environment; `python -m config.embedded` sets what is missing."""

import os
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import dj_database_url
from django.core.exceptions import ImproperlyConfigured
from django.templatetags.static import static
from django.urls import reverse_lazy
from django.utils.translation import gettext_lazy as _

BASE_DIR = Path(__file__).resolve().parent.parent
STATE_DIR = Path(os.environ.get("STATE_DIR", BASE_DIR / ".state"))


def listed(name: str) -> list[str]:
    return [part.strip() for part in os.environ.get(name, "").split(",") if part.strip()]


def required(name: str) -> str:
    if not (value := os.environ.get(name)):
        raise ImproperlyConfigured(
            f"{name} is not set. With servers of its own: .venv/bin/python -m config.embedded .venv/bin/python manage.py …; "
            "for a site of yours see docs/deploy.md."
        )
    return value


SECRET_KEY = required("SECRET_KEY")
DEBUG = os.environ.get("DEBUG") == "1"
ALLOWED_HOSTS = listed("ALLOWED_HOSTS")
CSRF_TRUSTED_ORIGINS = listed("CSRF_TRUSTED_ORIGINS")

# Personal data at rest (DESIGN §5): "id:base64 of 32 bytes, …", the first one encrypts, all decrypt.
FIELD_KEYS = listed("FIELD_KEYS")
FIELD_CIPHER = os.environ.get("FIELD_CIPHER", "AES-256-GCM")
INDEX_KEY = required("INDEX_KEY")

INSTALLED_APPS = [
    "unfold",
    "unfold.contrib.filters",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.postgres",
    "django.contrib.staticfiles",
    "django.forms",
    "axes",
    "django_fsm",
    "django_htmx",
    "rest_framework",
    "django_filters",
    "oauth2_provider",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "workorders",
    "intake",
    "dispatch",
    "evaluation",
    "archive",
    "config",
]

# Who may say where a request came from: the networks of the site's own front, or "unix" where it comes by a Unix socket.
FRONTS = listed("FRONTS")

MIDDLEWARE = [
    "config.proxy.client_address",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "workorders.sessions.SeatMiddleware",
    "config.uploads.bounded_before_log_in",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "config.security.content_security_policy",
    "workorders.views.refusals.RefusalMiddleware",
    "axes.middleware.AxesMiddleware",
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
FORM_RENDERER = "django.forms.renderers.TemplatesSetting"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "workorders.panels.menu",
            ],
        },
    }
]

DATABASES = {"default": dj_database_url.parse(required("DATABASE_URL"), conn_max_age=60, conn_health_checks=True)}
DATABASE_PLAIN = dict(DATABASES["default"])
# Who changes tables (config/database.py); without it the role of DATABASE_URL has to.
OWNER_URL = os.environ.get("DATABASE_OWNER_URL")
DATABASE_OWNER: dict[str, Any] = {**dj_database_url.parse(OWNER_URL)} if OWNER_URL else {}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# Words of danger that a site adds to those of intake/danger.toml: a file of the same shape.
DANGER_WORDS = os.environ.get("DANGER_WORDS", "")
REDIS_URL = required("REDIS_URL")
CACHES = {"default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": REDIS_URL}}

CELERY_BROKER_URL = REDIS_URL
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_PUBLISH_RETRY = False
CELERY_BROKER_TRANSPORT_OPTIONS = {"socket_timeout": 5, "socket_connect_timeout": 2}
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None  # a worker that gave up would look alive and do nothing
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = False
CELERY_TIMEZONE = "Asia/Shanghai"
CELERY_WORKER_HIJACK_ROOT_LOGGER = False

AUTH_USER_MODEL = "workorders.User"
# django-axes asks `workorders.auth.Waits` before any password is looked at, at every door.
AUTHENTICATION_BACKENDS = ["axes.backends.AxesStandaloneBackend", "workorders.auth.UnitBackend"]
AXES_HANDLER = "workorders.auth.Waits"
AXES_CLIENT_IP_CALLABLE = "workorders.client_address.client_address"
AXES_LOCKOUT_CALLABLE = "workorders.auth.held_off"
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"], "ip_address"]
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False
AXES_ENABLE_ADMIN = False
AXES_VERBOSE = False
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "orders"
LOGOUT_REDIRECT_URL = "login"
CSRF_FAILURE_VIEW = "workorders.views.refusals.csrf_failure"
SESSION_COOKIE_AGE = 12 * 60 * 60  # one shift
# A session ends when nobody touched the seat for so long: "administrator=15,operator=60" changes single roles; somebody
# with several has the shortest.
IDLE_MINUTES = {
    "administrator": 15,
    "auditor": 15,
    "archivist": 30,
    "supervisor": 60,
    "operator": 60,
    "dispatcher": 60,
    "callback_agent": 60,
    "handler": 60,
    "reviewer": 60,
    "other": 15,
    **{role: int(minutes) for role, _equals, minutes in (entry.partition("=") for entry in listed("IDLE_MINUTES"))},
}
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = os.environ.get("HTTPS") == "1"
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if os.environ.get("HTTPS") == "1" else None
X_FRAME_OPTIONS = "DENY"

LANGUAGE_CODE = "zh-hans"
LANGUAGES = [("zh-hans", "简体中文"), ("en", "English")]
LOCALE_PATHS = [BASE_DIR / "locale"]
TIME_ZONE = "Asia/Shanghai"
USE_TZ = True

STATIC_URL = "/static/"
STATIC_ROOT = os.environ.get("STATIC_ROOT")
STATICFILES_DIRS = [
    ("htmx", BASE_DIR / "node_modules/htmx.org/dist"),
    ("tabler/css", BASE_DIR / "node_modules/@tabler/core/dist/css"),
    ("tabler/js", BASE_DIR / "node_modules/@tabler/core/dist/js"),
    ("echarts", BASE_DIR / "node_modules/echarts/dist"),
]
# Without a STATIC_ROOT (a developer's machine, the embedded run) the files are served from where they are.
WHITENOISE_USE_FINDERS = STATIC_ROOT is None
MEDIA_ROOT = Path(os.environ.get("MEDIA_ROOT", STATE_DIR / "files"))
ATTACHMENT_MAX_BYTES = 20 * 1024 * 1024
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"
        if STATIC_ROOT
        else "django.contrib.staticfiles.storage.StaticFilesStorage"
    },
}

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "dispatch.oauth.ClientAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated", "workorders.api.scopes.HasScope"],
    "DEFAULT_THROTTLE_CLASSES": ["workorders.api.throttles.CallerThrottle"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["workorders.api.input.StrictJSONParser"],
    "DEFAULT_SCHEMA_CLASS": "workorders.api.schema.ApiSchema",
    "DEFAULT_METADATA_CLASS": None,
    "EXCEPTION_HANDLER": "workorders.api.problems.problem",
}
API_MAX_BYTES = 1024 * 1024
API_MAX_UPLOAD_BYTES = 10 * ATTACHMENT_MAX_BYTES
LARGEST_BEFORE_LOG_IN = 256 * 1024  # bytes of a request's body
# (calls, seconds): of one client or person; failures of one address that asks for tokens.
API_RATES = {"calls": (int(os.environ.get("API_CALLS_A_MINUTE", "600")), 60), "token": (30, 60)}

# Webhook targets: https and public addresses, unless this site says otherwise.
WEBHOOK_ALLOW_HTTP = os.environ.get("WEBHOOK_ALLOW_HTTP") == "1"
WEBHOOK_ALLOW_PRIVATE = os.environ.get("WEBHOOK_ALLOW_PRIVATE") == "1"

# Messages: where their links lead, and the services of apprise that administrators may give as addresses.
SITE_URL = (os.environ.get("SITE_URL") or f"http://127.0.0.1:{os.environ.get('PORT') or 8000}").rstrip("/")
NOTICE_SCHEMES = listed("NOTICE_SCHEMES") or [
    *("mailto", "mailtos", "dingtalk", "wecombot", "feishu", "lark"),
    *("json", "jsons"),  # SMS gateways
]
# Where this is set, mailfile:// writes mails into it: for a demo that has no mail server.
NOTICE_MAIL_FILE = os.environ.get("NOTICE_MAIL_FILE", "")
# How long what came of a message stays in the outbox: the Cybersecurity Law 网络安全法 (Art. 21) wants logs for six months.
NOTICES_KEPT_FOR = timedelta(days=int(os.environ.get("NOTICES_KEPT_DAYS") or 190))
# Where messages to complainants go: the address of an SMS gateway for apprise, with {recipient} for the telephone and
# {message} for the message's number. Without it they wait in the outbox.
COMPLAINANT_GATEWAY = os.environ.get("COMPLAINANT_GATEWAY", "")
# The area's code of this site: a telephone of seven or eight digits is one of it.
SITE_AREA_CODE = os.environ.get("SITE_AREA_CODE") or "010"
if not re.fullmatch(r"0\d{2,3}", SITE_AREA_CODE):
    raise ImproperlyConfigured(f"SITE_AREA_CODE is an area's code such as 010 or 0311, not {SITE_AREA_CODE}")
# Days after which a call that became no appeal is forgotten.
CALLS_KEPT_DAYS = int(os.environ.get("CALLS_KEPT_DAYS", "30"))

OAUTH2_PROVIDER_APPLICATION_MODEL = "dispatch.ApiClient"
OAUTH2_PROVIDER = {
    "SCOPES": {
        "orders:read": _("Read the unit's orders"),
        "orders:handle": _("Do steps on the unit's orders"),
        "appeals:write": _("Register appeals and announce calls"),
        "events:read": _("Read the feed of events"),
        "webhooks:write": _("Keep webhook subscriptions"),
    },
    "SCOPES_BACKEND_CLASS": "dispatch.oauth.ClientScopes",
    "OAUTH2_VALIDATOR_CLASS": "dispatch.oauth.ClientValidator",
    # Knows the client credentials grant and no other.
    "OAUTH2_SERVER_CLASS": "oauthlib.oauth2.BackendApplicationServer",
    "CLIENT_SECRET_GENERATOR_LENGTH": 64,
    "ACCESS_TOKEN_EXPIRE_SECONDS": 60 * 60,
    "ALLOWED_REDIRECT_URI_SCHEMES": ["https"],
    "REFRESH_TOKEN_REUSE_PROTECTION": True,
    # RFC 9700, best practice: tokens hashed at rest, never in an address, none of the old grants.
    **{
        f"COMPLIANT_BCP_RFC9700_{name}": True
        for name in (
            "IMPLICIT_GRANT",
            "PASSWORD_GRANT",
            "PKCE_METHOD",
            "ACCESS_TOKEN_TRANSPORT",
            "AUTHZ_RESPONSE_ISS",
            "TOKEN_STORAGE",
            "REFRESH_TOKEN",
            "REDIRECT_URI_SCHEME",
            "REDIRECT_URI_MATCHING",
            "PKCE_REQUIRED",
        )
    },
}

SPECTACULAR_SETTINGS = {
    "TITLE": "Jiesu 接诉 API",
    "VERSION": "1",
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "OAUTH2_FLOWS": ["clientCredentials"],
    "OAUTH2_TOKEN_URL": "/oauth/token/",
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "workorders.api.words.describe",
        "workorders.api.schema.share",
    ],
    "SWAGGER_UI_SETTINGS": {"deepLinking": True, "displayRequestDuration": True, "docExpansion": "list"},
    "ENUM_NAME_OVERRIDES": {
        "Status": "workorders.lifecycle.Status",
        "Kind": "workorders.lifecycle.Kind",
        "Grade": "workorders.lifecycle.Grade",
        "ClockKind": "workorders.lifecycle.ClockKind",
        "UnitKind": "workorders.models.Unit.Kind",
        "Channel": "intake.models.Appeal.Channel",
    },
    "TAGS": [
        {"name": "orders", "description": "What the caller's unit may see"},
        {"name": "steps", "description": "The acts of the life cycle, the same as in the console"},
        {"name": "events", "description": "What happens to the caller's orders, in order, never skipping"},
        {"name": "webhooks", "description": "The same, told by us: signed, tried again, logged"},
        {"name": "files", "description": "Files that came with steps"},
        {"name": "intake", "description": "Channels register and follow, the telephone system announces"},
        {"name": "reference", "description": "Codes and rules, whole, with ETag"},
    ],
}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{asctime} {levelname} {name}: {message}", "style": "{"}},
    "filters": {"one line": {"()": "config.away.OneLine"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line", "filters": ["one line"]}},
    "root": {"handlers": ["console"], "level": os.environ.get("LOG_LEVEL", "INFO")},
    "loggers": {
        "axes": {"level": "WARNING"},  # it greets every command
        "httpx": {"level": "WARNING"},  # a line for each webhook sent helps nobody
        "urllib3": {"level": "WARNING"},  # its lines hold whole addresses, with their tokens
        "apprise": {"level": "WARNING", "propagate": False},  # what it says of a failure stands in the message's log
    },
}

UNFOLD = {
    "SITE_TITLE": _("Jiesu administration"),
    "SITE_HEADER": _("Jiesu administration"),
    "SITE_URL": reverse_lazy("orders"),
    "SITE_FAVICONS": [
        {"rel": "icon", "type": "image/svg+xml", "href": lambda request: static("jiesu/icon.svg")},
    ],
    "SHOW_HISTORY": True,
    "DASHBOARD_CALLBACK": "evaluation.views.index",
    "SIDEBAR": {"navigation": "evaluation.menu.navigation"},
    "COLORS": {
        "primary": {
            "50": "239 246 255",
            "100": "219 234 254",
            "200": "191 219 254",
            "300": "147 197 253",
            "400": "96 165 250",
            "500": "37 99 235",
            "600": "29 78 216",
            "700": "30 64 175",
            "800": "30 58 138",
            "900": "23 37 84",
            "950": "15 23 42",
        }
    },
    "STYLES": [lambda request: static("jiesu/admin.css")],
    "SCRIPTS": [lambda request: static("jiesu/seat.js"), lambda request: static("jiesu/admin.js")],
}
