"""What every JSON view of the sandbox needs: reading a body, refusing, routing by method."""

import json
from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse

View = Callable[..., HttpResponse]


class Refused(Exception):
    """A neighbour says no; answered as `{"success": false, "message": …}` with the status."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.message = message
        self.status = status


def refusal(refused: Refused) -> JsonResponse:
    return answer({"success": False, "message": refused.message}, status=refused.status)


def answer(data: dict[str, Any], status: int = 200) -> JsonResponse:
    """JSON with Chinese left readable."""
    return JsonResponse(data, status=status, json_dumps_params={"ensure_ascii": False})


def body_of(request: HttpRequest) -> dict[str, Any]:
    """The JSON object of the body ({} when empty). Raises Refused for anything else."""
    if not request.body:
        return {}
    try:
        body = json.loads(request.body)
    except ValueError as wrong:
        raise Refused("the body is not JSON") from wrong
    if not isinstance(body, dict):
        raise Refused("the body is not a JSON object")
    return body


def by_method(**views: View) -> View:
    """One URL, one view per method: `by_method(GET=detail, POST=create)`."""

    def dispatch(request: HttpRequest, **kwargs: Any) -> HttpResponse:
        view = views.get(request.method or "")
        if view is None:
            raise Refused("method not allowed", status=405)
        return view(request, **kwargs)

    return dispatch


def health(service: str) -> View:
    """The documented `/health` of a neighbour."""

    def view(request: HttpRequest) -> HttpResponse:
        return answer({"status": "healthy", "service": service})

    return view


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """`handler404` of every neighbour: JSON, as all of them answer."""
    return refusal(Refused("no such address here", status=404))
