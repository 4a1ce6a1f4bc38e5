"""Styles and scripts of the admin and of Swagger UI, by whitenoise, under `/static/` alone."""

from __future__ import annotations

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from whitenoise.middleware import WhiteNoiseMiddleware


class StaticMiddleware(WhiteNoiseMiddleware):
    """Whitenoise, asked only about its own paths."""

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if not request.path_info.startswith("/static/"):
            return self.get_response(request)
        return super().__call__(request)
