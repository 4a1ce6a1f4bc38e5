"""The Django settings every service shares.

What differs (apps, model names, routes of events) is passed in by the service.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from common import config
from common.databases import database_settings
from common.instance.run_dir import RunDir
from common.metrics_files import forget_dead_processes, use_metrics_files
from common.own_addresses import own_addresses
from common.role import process_role

LOOPBACK_HOSTS = ["127.0.0.1", "localhost", "[::1]"]

# Outermost first. They cannot be imported here: Django reads the settings before any model exists.
ADMIN_STACK = [
    "Security",
    "Session",
    "Locale",
    "Common",
    "Csrf",
    "Authentication",
    "Message",
    "XFrameOptions",
]

SHARED_APPS = [
    "common",
    "unfold",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
]


def service_settings(
    service: str,
    *,
    base_dir: Path,
    apps: list[str],
    models: dict[str, str],
    event_routes: str,
    jobs: str = "",
    sagas: str = "",
    outside: dict[str, str] | None = None,
) -> dict[str, Any]:
    """Every setting of `service` (CamelCase: "OrderService"); raises config.ConfigError with all problems.

    `models` names the concrete outbox, inbox, idempotency, saga and lease models; `event_routes`, `jobs`
    and `sagas` are dotted paths read by the relay, the worker and the saga runner; `outside` names the
    transport of each destination that is no peer.
    """
    loaded = config.load(service)
    slug = loaded.slug
    if process_role() == "worker":
        # Gunicorn's side is in common/gunicorn.py. Here nothing has imported prometheus_client yet.
        use_metrics_files(loaded.run_dir, slug, "worker")
        forget_dead_processes(loaded.run_dir, slug, "worker")
    return {
        "CFMP": loaded,
        "CFMP_MODELS": models,
        "CFMP_EVENT_ROUTES": event_routes,
        "CFMP_JOBS": jobs,
        "CFMP_SAGAS": sagas,
        "CFMP_RUN_DIR": RunDir(loaded.run_dir, loaded.slug),
        "CFMP_OUTSIDE": outside or {},
        "SERVICE_NAME": service,
        "SERVICE_SLUG": slug,
        "BASE_DIR": base_dir,
        "INSTALLED_APPS": [*SHARED_APPS, *apps],
        "DATABASES": {"default": database_settings(slug, loaded)},
        **_core(loaded),
        **_web(slug, loaded),
        **_logging(service, loaded),
        **_rest(service),
        **_admin(service),
    }


def _core(loaded: config.Settings) -> dict[str, Any]:
    return {
        "DEBUG": False,
        "SECRET_KEY": loaded.django_secret_key,
        "ROOT_URLCONF": "config.urls",
        "WSGI_APPLICATION": "config.wsgi.application",
        "APPEND_SLASH": False,
        "DEFAULT_AUTO_FIELD": "django.db.models.BigAutoField",
        "USE_TZ": True,
        "TIME_ZONE": "UTC",
        "USE_I18N": True,
        "LANGUAGE_CODE": "zh-hans",
        "LANGUAGES": [("zh-hans", "简体中文"), ("en", "English")],
        "CACHES": {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}},
    }


def hosts_of(loaded: config.Settings) -> list[str]:
    """The Host names that are answered: the given ones, and the addresses that peers find in Nacos."""
    if loaded.is_embedded:
        return LOOPBACK_HOSTS
    advertised = [loaded.service_advertise_host] if loaded.service_advertise_host else []
    return [*loaded.allowed_hosts, *own_addresses(), *advertised]


def _web(slug: str, loaded: config.Settings) -> dict[str, Any]:
    return {
        "ALLOWED_HOSTS": hosts_of(loaded),
        "MIDDLEWARE": [
            "common.web.middleware.RequestContextMiddleware",
            "common.web.middleware.BodyLimitMiddleware",
            "common.web.static.StaticMiddleware",
            *(f"common.web.admin_stack.Admin{name}Middleware" for name in ADMIN_STACK),
        ],
        "TEMPLATES": [
            {
                "BACKEND": "django.template.backends.django.DjangoTemplates",
                "APP_DIRS": True,
                "OPTIONS": {
                    "context_processors": [
                        "django.template.context_processors.request",
                        "django.contrib.auth.context_processors.auth",
                        "django.contrib.messages.context_processors.messages",
                    ]
                },
            }
        ],
        # Read from the packages where they lie: no collectstatic, nothing written at install.
        "STATIC_URL": "/static/",
        "WHITENOISE_USE_FINDERS": True,
        "WHITENOISE_AUTOREFRESH": False,
        # Services share a host name, and cookies do not know ports: each admin has names of its own.
        "SESSION_COOKIE_NAME": f"{slug}_session",
        "CSRF_COOKIE_NAME": f"{slug}_csrftoken",
        "SESSION_COOKIE_SECURE": not loaded.is_embedded,
        "CSRF_COOKIE_SECURE": not loaded.is_embedded,
        "SESSION_COOKIE_SAMESITE": "Lax",
        "X_FRAME_OPTIONS": "DENY",
        "DATA_UPLOAD_MAX_MEMORY_SIZE": 1024 * 1024,
        "DATA_UPLOAD_MAX_NUMBER_FIELDS": 500,
    }


def _logging(service: str, loaded: config.Settings) -> dict[str, Any]:
    role = process_role()
    return {
        "LOGGING_CONFIG": "common.web.logging_setup.configure",
        "LOGGING": {
            "service": service,
            "role": role,
            # A test or a script that merely imports the settings writes no file unless LOG_FILE asks for it.
            "log_file": loaded.log_path if role or loaded.log_file else None,
            "level": loaded.log_level,
        },
    }


def _rest(service: str) -> dict[str, Any]:
    return {
        "REST_FRAMEWORK": {
            "EXCEPTION_HANDLER": "common.web.exception_handler.handle",
            "UNAUTHENTICATED_USER": "common.web.principal.anonymous",
            "UNAUTHENTICATED_TOKEN": None,
            "DEFAULT_RENDERER_CLASSES": ["common.web.rendering.SuiteJSONRenderer"],
            "DEFAULT_PARSER_CLASSES": ["common.web.parsing.StrictJSONParser"],
            "DEFAULT_AUTHENTICATION_CLASSES": [],
            "DEFAULT_PERMISSION_CLASSES": [],
            "DEFAULT_SCHEMA_CLASS": "common.web.schema.SuiteSchema",
            "COERCE_DECIMAL_TO_STRING": True,
        },
        "SPECTACULAR_SETTINGS": {
            "TITLE": service,
            "VERSION": "0.1.0",
            "SERVE_INCLUDE_SCHEMA": False,
            "SWAGGER_UI_DIST": "SIDECAR",
            "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
            "COMPONENT_SPLIT_REQUEST": True,
            "PREPROCESSING_HOOKS": ["common.web.schema.drop_alias_paths"],
            # Choices stay where they are: named components for them would need names given by hand.
            "POSTPROCESSING_HOOKS": [],
        },
    }


def _admin(service: str) -> dict[str, Any]:
    return {
        "UNFOLD": {
            "SITE_TITLE": service,
            "SITE_HEADER": service,
            "SHOW_HISTORY": True,
            # Beside the tables, how the business does now.
            "SIDEBAR": {
                "show_all_applications": True,
                "navigation": [
                    {"items": [{"title": "Figures", "icon": "monitoring", "link": "/admin/figures/"}]}
                ],
            },
        }
    }
