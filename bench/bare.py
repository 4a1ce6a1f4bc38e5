"""The yardstick: one bare Django view that lists the same orders by `values()` and orjson, and nothing else.

Room: bench. It stands in OrderService's place, behind the same gateway, on the same database, served the same
way. No token, no envelope, no items, no count: what the suite's list costs beyond this is its own.
"""

import os
from importlib import import_module

import django
import orjson
from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler
from django.http import HttpRequest, HttpResponse
from django.urls import path

_real = import_module("config.settings")
settings.configure(
    **{name: getattr(_real, name) for name in dir(_real) if name.isupper()}
    | {"MIDDLEWARE": [], "ROOT_URLCONF": __name__}
)
django.setup()

Order = import_module("order.models").Order


def orders(request: HttpRequest) -> HttpResponse:
    """Ten newest orders of one buyer as JSON."""
    mine = Order.objects.filter(buyer_uuid=os.environ["BENCH_BUYER"]).order_by("-created_at", "-id")
    rows = list(mine.values()[:10])
    return HttpResponse(orjson.dumps({"data": rows}, default=str), content_type="application/json")


def health(request: HttpRequest) -> HttpResponse:
    """The gateway asks."""
    return HttpResponse("ok")


urlpatterns = [path("api/orders/", orders), path("health", health), path("livez", health)]
application = WSGIHandler()
