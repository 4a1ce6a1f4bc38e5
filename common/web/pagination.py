"""Pages as each family documents them. Filters and sorting are the selectors' business."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Protocol

from django.conf import settings
from rest_framework.request import Request
from rest_framework.response import Response

from common.web.envelopes import envelope
from common.web.parameters import int_parameter

DEFAULT_SIZE = 10
LARGEST_SIZE = 100
# OFFSET walks over what it skips; nobody reads a millionth page.
LARGEST_PAGE = 1_000_000

Present = Callable[[list[Any]], list[Any]]


class Listed(Protocol):
    """What can be paged: a queryset, or whatever counts and slices like one."""

    def count(self) -> int: ...

    def __getitem__(self, window: slice, /) -> Iterable[Any]: ...


def cfmp_page(request: Request, queryset: Listed, present: Present) -> Response:
    """A CFMP list: `{count, next, previous, results: {code, message, data}}`; two queries.

    Raises InvalidInput.
    """
    page = int_parameter(request, "page", default=1, low=1, high=LARGEST_PAGE)
    size = int_parameter(request, "page_size", default=DEFAULT_SIZE, low=1, high=LARGEST_SIZE)
    count, rows = _slice(queryset, page, size)
    return Response(
        {
            "count": count,
            "next": _link(request, page + 1) if page * size < count else None,
            "previous": _link(request, page - 1) if page > 1 else None,
            "results": envelope("cfmp", present(rows)),
        }
    )


def payment_page(request: Request, queryset: Listed, present: Present) -> Response:
    """A page of the payment API: `data: {records, total, page, size, pages}`; two queries.

    Raises InvalidInput.
    """
    page = int_parameter(request, "page", default=1, low=1, high=LARGEST_PAGE)
    size = int_parameter(request, "size", default=DEFAULT_SIZE, low=1, high=LARGEST_SIZE)
    total, rows = _slice(queryset, page, size)
    data = {"records": present(rows), "total": total, "page": page, "size": size, "pages": -(-total // size)}
    return Response(envelope("payment_api", data))


def _slice(queryset: Listed, page: int, size: int) -> tuple[int, list[Any]]:
    start = (page - 1) * size
    count = queryset.count()
    # A page past the end is empty, not an error: the list may have shrunk since the client read its length.
    return count, list(queryset[start : start + size]) if start < count else []


def _link(request: Request, page: int) -> str:
    # The public address, not the Host the gateway happened to use.
    query = request.query_params.copy()
    query["page"] = str(page)
    base = settings.CFMP.public_base_url.rstrip("/")
    return f"{base}{request.path}?{query.urlencode()}"
