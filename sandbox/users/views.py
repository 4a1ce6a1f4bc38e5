"""UserService's calls, in the shapes its published version answers."""

from typing import Any
from uuid import UUID

import jwt
from django.conf import settings
from django.contrib.auth.hashers import check_password
from django.http import HttpRequest, HttpResponse
from faults.connection import breakable

from config.web import Refused, answer, body_of
from users.models import Account
from users.tokens import token_mint, token_read, token_revoke


@breakable("user", "login")
def login_with_password(request: HttpRequest) -> HttpResponse:
    """`{success, access_token, user_id, username, privilege}`, or 401."""
    given = body_of(request)
    account = Account.objects.filter(email=str(given.get("email", "")).strip().lower()).first()
    if account is None or not check_password(str(given.get("password", "")), account.password):
        raise Refused("邮箱或密码错误", status=401)
    issuer = request.GET.get("issuer", settings.SANDBOX.jwt_issuer)
    return answer({"success": True, "access_token": token_mint(account, issuer=issuer), **_brief(account)})


@breakable("user", "detail", subject="user_id")
def detail(request: HttpRequest, user_id: UUID) -> HttpResponse:
    account = Account.objects.filter(pk=user_id).first()
    if account is None:
        raise Refused("用户不存在", status=404)
    opened = account.opened_at.strftime("%Y-%m-%dT%H:%M:%SZ")
    return answer({**_brief(account), "email": account.email, "avatar": account.avatar, "created_at": opened})


@breakable("user", "verify-token")
def verify_token(request: HttpRequest) -> HttpResponse:
    """`{success, valid, …}`; 401 for a token that is forged, expired, taken back or of an unknown account."""
    claims = _claims(str(body_of(request).get("token", "")))
    account = Account.objects.filter(pk=claims.get("user_id")).first()
    if account is None:
        raise Refused("用户不存在", status=401)
    return answer({"success": True, "valid": True, "exp": claims["exp"], **_brief(account)})


def logout(request: HttpRequest) -> HttpResponse:
    """Takes the caller's token back; only `verify-token` knows (services verify locally by default)."""
    token = request.headers.get("Authorization", "").removeprefix("Bearer ")
    _claims(token)
    token_revoke(token)
    return answer({"success": True})


def _claims(token: str) -> dict[str, Any]:
    try:
        return token_read(token)
    except jwt.InvalidTokenError as wrong:
        raise Refused("token 无效", status=401) from wrong


def _brief(account: Account) -> dict[str, Any]:
    return {
        "user_id": str(account.user_id),
        "username": account.username,
        "privilege": account.privilege,
    }
