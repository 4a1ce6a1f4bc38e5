"""Spoiling an HTTP answer: late, cut off, or an error page, before or after the effect."""

import socket
import time
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from config.web import View
from faults.models import Fault
from faults.switchboard import fault_take

LONGER_THAN_ANY_CLIENT = 30.0
ERROR_PAGE = (
    "<html><head><title>{status}</title></head><body><center><h1>{status}</h1></center></body></html>"
)


def breakable(target: str, operation: str, subject: str = "") -> Callable[[View], View]:
    """Puts a view under the switches of `target`; `subject` names the URL argument that narrows a fault."""

    def decorate(view: View) -> View:
        def wrapped(request: HttpRequest, **kwargs: object) -> HttpResponse:
            fault = fault_take(target, operation, str(kwargs.get(subject, "")))
            return spoiled(request, fault, lambda: view(request, **kwargs))

        return wrapped

    return decorate


def spoiled(request: HttpRequest, fault: Fault | None, effect: Callable[[], HttpResponse]) -> HttpResponse:
    """Runs `effect` (or not) and answers as the fault wants. Kinds unknown here leave the answer alone."""
    if fault is None:
        return effect()
    if fault.kind == "delay":
        return _delayed(fault, effect)
    if fault.kind not in ("timeout", "drop", "http_error"):
        return effect()
    if fault.is_after:
        effect()
    if fault.kind == "http_error":
        status = int(fault.parameters.get("status", 502))
        return HttpResponse(ERROR_PAGE.format(status=status), status=status)
    if fault.kind == "timeout":
        time.sleep(fault.seconds(LONGER_THAN_ANY_CLIENT))
    return cut_off(request)


def _delayed(fault: Fault, effect: Callable[[], HttpResponse]) -> HttpResponse:
    if fault.is_after:
        response = effect()
        time.sleep(fault.seconds(3.0))
        return response
    time.sleep(fault.seconds(3.0))
    return effect()


def cut_off(request: HttpRequest) -> HttpResponse:
    """Closes the client's socket under gunicorn; elsewhere the nearest thing is an empty 502."""
    connection = request.META.get("gunicorn.socket")
    if connection is not None:
        connection.shutdown(socket.SHUT_RDWR)
    return HttpResponse(status=502, headers={"Connection": "close"})
