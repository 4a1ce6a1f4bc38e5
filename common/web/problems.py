"""Django's last-resort answers (no such path, bad request, unforeseen error) as envelopes, not HTML."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse

from common.errors import InternalError, InvalidInput, NotFound, PermissionRefused
from common.web.envelopes import family_for_path
from common.web.exception_handler import as_suite_error, problem_response


def bad_request(request: HttpRequest, exception: Exception, *args: Any, **kwargs: Any) -> HttpResponse:
    error = as_suite_error(exception) or InvalidInput()
    return problem_response(family_for_path(request.path_info), error)


def permission_denied(request: HttpRequest, exception: Exception, *args: Any, **kwargs: Any) -> HttpResponse:
    return problem_response(family_for_path(request.path_info), PermissionRefused())


def not_found(request: HttpRequest, exception: Exception, *args: Any, **kwargs: Any) -> HttpResponse:
    return problem_response(family_for_path(request.path_info), NotFound())


def server_error(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
    return problem_response(family_for_path(request.path_info), InternalError())
