"""`/admin/figures/`: what the database knows of this service's business, for operators without Grafana.

It shows the collectors of `/metrics` and holds no figure of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from common.web.metrics import figures


@dataclass(frozen=True)
class Line:
    """One figure. `share` is how much of the row's bar it fills, in percent of the family's largest."""

    what: str
    labels: str
    value: str
    share: int


def figures_page(request: HttpRequest) -> HttpResponse:
    """A table with a bar for each figure; the name of each is the one that alerts and dashboards use.

    Whoever may look at nothing in this admin sees no figures of it either.
    """
    desk = admin.site.each_context(request)
    if not desk["available_apps"]:
        raise PermissionDenied
    context: dict[str, Any] = {
        **desk,
        "title": f"{settings.SERVICE_NAME}: figures",
        "families": [(family.name, family.documentation, _lines(family)) for family in figures()],
    }
    return TemplateResponse(request, "admin/figures.html", context)


def _lines(family: Any) -> list[Line]:
    samples = family.samples
    largest = max((sample.value for sample in samples), default=0) or 1
    return [
        Line(
            sample.name,
            ", ".join(sample.labels.values()),
            _words(sample.name, sample.value),
            round(100 * sample.value / largest),
        )
        for sample in samples
    ]


def _words(name: str, value: float) -> str:
    if not name.endswith("_seconds"):
        return f"{value:,.0f}"
    minutes, seconds = divmod(round(value), 60)
    hours, minutes = divmod(minutes, 60)
    return (
        f"{hours} h {minutes} min" if hours else f"{minutes} min {seconds} s" if minutes else f"{seconds} s"
    )
