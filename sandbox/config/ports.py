"""One process, five neighbours: the URLconf is chosen by the port a request came in on."""

import logging
from collections.abc import Callable
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import DisallowedHost
from django.http import HttpRequest, HttpResponse
from django.http.request import validate_host

from config import figures
from config.web import Refused, refusal

# Doors that change something without a token: another site's page must not press them through a browser.
GUARDED = ("/sim/", "/cashier/")

GetResponse = Callable[[HttpRequest], HttpResponse]
log = logging.getLogger(__name__)


class PortMiddleware:
    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        answer = self._answered(request)
        figures.count(getattr(request, "urlconf", settings.ROOT_URLCONF), answer.status_code)
        return answer

    def _answered(self, request: HttpRequest) -> HttpResponse:
        # SERVER_PORT is the socket's, not the Host header's: a client can't choose the neighbour.
        urlconf = settings.URLCONF_BY_PORT.get(request.META.get("SERVER_PORT", ""))
        if urlconf is not None:
            request.urlconf = urlconf  # type: ignore[attr-defined]
        try:
            request.get_host()
        except DisallowedHost:
            return refusal(Refused("this host name is not served (loopback only)"))
        if _is_pressed_from_elsewhere(request):
            return refusal(Refused("another site's page may not do this", status=403))
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if isinstance(exception, Refused):
            return refusal(exception)
        log.error("%s %s failed", request.method, request.path, exc_info=exception)
        return refusal(Refused("the sandbox failed, its log says why", status=500))


def _is_pressed_from_elsewhere(request: HttpRequest) -> bool:
    origin = request.headers.get("Origin")
    if origin is None or request.method == "GET" or not request.path.startswith(GUARDED):
        return False
    return not validate_host(urlsplit(origin).hostname or "", settings.ALLOWED_HOSTS)
