"""The yardstick: one bare Django view that lists the same orders by one query and orjson, nothing else.

Room: bench. No token, no envelope, no permission: what the suite's list costs beyond this is its own.
"""

import os
from typing import Any

import django
import orjson
from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler
from django.http import HttpRequest, HttpResponse
from django.urls import path

settings.configure(
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": os.environ["BENCH_DATABASE"],
            "CONN_MAX_AGE": None,
            "OPTIONS": {"timeout": 20},
        }
    },
    ROOT_URLCONF=__name__,
    ALLOWED_HOSTS=["127.0.0.1"],
    MIDDLEWARE=[],
    SECRET_KEY="bench only, never a service",
    USE_TZ=True,
)
django.setup()

from django.db import connection  # noqa: E402  (needs the settings above)

SQL = (
    'SELECT order_uuid, order_id, status, created_at, total_amount FROM "order" '
    "WHERE buyer_uuid = %s ORDER BY id DESC LIMIT 10"
)


def orders(request: HttpRequest) -> HttpResponse:
    """Ten newest orders of one buyer as JSON."""
    with connection.cursor() as cursor:
        cursor.execute(SQL, [os.environ["BENCH_BUYER"]])
        names = [column[0] for column in cursor.description]
        rows: list[dict[str, Any]] = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    return HttpResponse(orjson.dumps({"data": rows}, default=str), content_type="application/json")


urlpatterns = [path("orders", orders)]
application = WSGIHandler()
