"""System checks of the web layer: what a reviewer would otherwise have to notice. They change nothing.

common.E001  a view's family is not the one its path belongs to (its 404 would look unlike its other answers)
common.E002  a service door without `allowed_callers`: nobody can come in
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.core.checks import CheckMessage, Error
from django.urls import URLPattern, URLResolver, get_resolver

from common.web.envelopes import family_for_path


def check_views(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Every SuiteAPIView that is routed."""
    # Views import DRF, which wants settings: not before the checks run.
    from common.web.views import SuiteAPIView

    problems: list[CheckMessage] = []
    for route, callback in routed(get_resolver().url_patterns):
        view = getattr(callback, "cls", None)
        if view is not None and issubclass(view, SuiteAPIView):
            problems += _judge(route, view)
    return problems


def routed(patterns: list[URLPattern | URLResolver], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Every route with its callback, nested ones included."""
    for pattern in patterns:
        route = prefix + str(pattern.pattern).removeprefix("^")
        if isinstance(pattern, URLResolver):
            yield from routed(pattern.url_patterns, route)
        else:
            yield route, pattern.callback


def _judge(route: str, view: Any) -> Iterator[CheckMessage]:
    expected = family_for_path(f"/{route}")
    if view.family != expected:
        text = f"/{route} belongs to the {expected} family, {view.__name__} answers as {view.family}."
        yield Error(text, hint="Set the view's family, or teach family_for_path the path.", id="common.E001")
    service_door = any(permission.__name__ == "IsService" for permission in view.permission_classes)
    if service_door and not view.allowed_callers:
        yield Error(
            f"{view.__name__} lets no service in.", hint="Name its allowed_callers.", id="common.E002"
        )
