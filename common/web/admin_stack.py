"""Sessions, CSRF, messages and languages for the admin alone.

API paths pass each of these by with one comparison.
"""

from __future__ import annotations

from typing import Any

from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.messages.middleware import MessageMiddleware
from django.contrib.sessions.middleware import SessionMiddleware
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.middleware.clickjacking import XFrameOptionsMiddleware
from django.middleware.common import CommonMiddleware
from django.middleware.csrf import CsrfViewMiddleware
from django.middleware.locale import LocaleMiddleware
from django.middleware.security import SecurityMiddleware

ADMIN_PREFIX = "/admin/"


class _AdminOnly:
    """Mixed in front of one of Django's middlewares: it works under `/admin/` and is skipped elsewhere."""

    get_response: Any

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if not request.path_info.startswith(ADMIN_PREFIX):
            return self.get_response(request)
        return super().__call__(request)  # type: ignore[misc]


class AdminSecurityMiddleware(_AdminOnly, SecurityMiddleware):
    pass


class AdminSessionMiddleware(_AdminOnly, SessionMiddleware):
    pass


class AdminLocaleMiddleware(_AdminOnly, LocaleMiddleware):
    pass


class AdminCommonMiddleware(_AdminOnly, CommonMiddleware):
    pass


class AdminCsrfMiddleware(_AdminOnly, CsrfViewMiddleware):
    def process_view(self, request: HttpRequest, callback: Any, args: Any, kwargs: Any) -> Any:
        # Django calls this hook by itself, past __call__: API views carry tokens, not cookies.
        if not request.path_info.startswith(ADMIN_PREFIX):
            return None
        return super().process_view(request, callback, args, kwargs)


class AdminAuthenticationMiddleware(_AdminOnly, AuthenticationMiddleware):
    pass


class AdminMessageMiddleware(_AdminOnly, MessageMiddleware):
    pass


class AdminXFrameOptionsMiddleware(_AdminOnly, XFrameOptionsMiddleware):
    pass
