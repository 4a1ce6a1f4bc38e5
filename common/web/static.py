"""Styles and scripts of the admin and of Swagger UI, by whitenoise, under `/static/` alone."""

from __future__ import annotations

import threading
from collections.abc import Callable

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from whitenoise.middleware import WhiteNoiseMiddleware

Handler = Callable[[HttpRequest], HttpResponseBase]


class StaticMiddleware:
    """Whitenoise, asked only about its own paths.

    Made when the first of them is asked for: it reads every static file's date, which takes half a second
    that no worker's start and no test's client should pay.
    """

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response
        self._files: WhiteNoiseMiddleware | None = None
        self._lock = threading.Lock()

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if not request.path_info.startswith("/static/"):
            return self.get_response(request)
        with self._lock:
            self._files = self._files or WhiteNoiseMiddleware(self.get_response)
        return self._files(request)
