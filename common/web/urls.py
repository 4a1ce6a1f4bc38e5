"""The addresses every service has beside its own: health, metrics, schema, Swagger UI, admin.

None is routed by the gateway.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import admin
from django.urls import URLPattern, URLResolver, path

from common.web import health, metrics
from common.web.docs import SchemaView, SwaggerView
from common.web.figures_page import figures_page


def both(route: str, view: Callable[..., Any], name: str) -> list[URLPattern]:
    """`route` as written (it carries the name) and with its last slash added or taken.

    Nothing is ever redirected.
    """
    other = route.removesuffix("/") if route.endswith("/") else f"{route}/"
    patterns = [path(route, view, name=name)]
    if route and other:
        patterns.append(path(other, view))
    return patterns


def service_urlpatterns() -> list[URLPattern | URLResolver]:
    """What a service's `config/urls.py` adds to its own routes."""
    return [
        *both("health", health.health, "health"),
        *both("livez", health.livez, "livez"),
        *both("readyz", health.readyz, "readyz"),
        *both("metrics", metrics.metrics_page, "metrics"),
        *both("api/schema/", SchemaView.as_view(), "schema"),
        *both("api/docs/", SwaggerView.as_view(url_name="schema"), "docs"),
        path("admin/figures/", admin.site.admin_view(figures_page), name="figures"),
        path("admin/", admin.site.urls),
    ]
