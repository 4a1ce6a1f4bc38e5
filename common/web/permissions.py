"""What kind of caller a view wants. Whose object it is, is the selector's question, not asked here."""

from __future__ import annotations

from typing import Any, Protocol

from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from common.errors import AuthenticationRequired, PermissionRefused


class Door(Protocol):
    """A view that names the siblings it lets in."""

    allowed_callers: frozenset[str]


class IsUser(BasePermission):
    """A person with a verified token."""

    def has_permission(self, request: Request, view: Any) -> bool:
        if not request.user.is_user:
            raise AuthenticationRequired
        return True


class IsService(BasePermission):
    """A sibling service, and one of the view's `allowed_callers`."""

    def has_permission(self, request: Request, view: Door) -> bool:
        if not request.user.is_service:
            raise AuthenticationRequired
        if request.user.service not in view.allowed_callers:
            raise PermissionRefused
        return True


class IsUserOrService(BasePermission):
    """A person, or a sibling among the view's `allowed_callers`."""

    def has_permission(self, request: Request, view: Door) -> bool:
        if request.user.is_service:
            return IsService().has_permission(request, view)
        return IsUser().has_permission(request, view)


class IsAdmin(BasePermission):
    """A person who administers the shop (role ADMIN, or privilege 1 at UserService)."""

    def has_permission(self, request: Request, view: Any) -> bool:
        IsUser().has_permission(request, view)
        if not request.user.is_admin:
            raise PermissionRefused
        return True
