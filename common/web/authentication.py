"""Turns credentials into a Principal.

A bare `UUID` or `X-User-UUID` header means nothing here: only verified tokens do.
"""

from __future__ import annotations

import re
from functools import lru_cache

from django.conf import settings
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from common.counters import TOKENS_REFUSED
from common.errors import ClockApart, TokenInvalid
from common.live_settings import live
from common.log import get_logger
from common.signing import ServiceVerifier, UserTokenVerifier, user_uuid_of
from common.web import privileges
from common.web.principal import Principal, from_user_claims

log = get_logger(__name__)

ACCESS_TOKEN_HEADER = "HTTP_X_CLOUDMALL_ACCESS_TOKEN"
ANONYMOUS_HEADER = "HTTP_X_CLOUDMALL_ANONYMOUS_USER_KEY"
ANONYMOUS_KEY = re.compile(r"[\x21-\x7e]{1,128}")
SERVICE_HEADER = "HTTP_X_SERVICE_AUTHORIZATION"
# Longer than any token we accept; keeps hostile megabyte headers away from the cache and the verifier.
LONGEST_TOKEN = 8192
COME_BACK_SECONDS = 30


@lru_cache(maxsize=1)
def user_verifier() -> UserTokenVerifier:
    return UserTokenVerifier(settings.CFMP.jwt_keys, settings.CFMP.jwt_key_claim)


@lru_cache(maxsize=1)
def service_verifier() -> ServiceVerifier:
    return ServiceVerifier(settings.CFMP.service_public_keys, settings.SERVICE_NAME)


class UserTokenAuthentication(BaseAuthentication):
    """A person's JWT from `Authorization: Bearer` or `x-cloudmall-access-token`, verified here again."""

    def authenticate(self, request: Request) -> tuple[Principal, str] | None:
        token = _user_token(request)
        if token is None:
            return None
        claims = user_verifier().verify(token)
        principal = from_user_claims(claims, user_uuid=user_uuid_of(claims), token=token)
        if live().auth_verify == "remote":
            privileges.require_living(token)
        return principal, token

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


class OptionalUserAuthentication(UserTokenAuthentication):
    """A person, or a shopper who is not logged in, known only by the key their device made up."""

    def authenticate(self, request: Request) -> tuple[Principal, str]:
        key = request.META.get(ANONYMOUS_HEADER, "")
        usable = key if ANONYMOUS_KEY.fullmatch(key) else ""
        return super().authenticate(request) or (Principal(kind="anonymous", anonymous_key=usable), "")


class ServiceTokenAuthentication(BaseAuthentication):
    """A sibling's short-lived EdDSA token from `X-Service-Authorization.

    Bearer`, addressed to this service.
    """

    def authenticate(self, request: Request) -> tuple[Principal, str] | None:
        header = request.META.get(SERVICE_HEADER)
        if header is None:
            return None
        try:
            token = _bearer(header)
            caller = service_verifier().verify(token)
        except TokenInvalid as refusal:
            _tell(refusal)
            raise
        return Principal(kind="service", service=caller, token=token), token

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


def _tell(refusal: TokenInvalid) -> None:
    """A clock or a key is wrong and will be mended. Until then a sibling is to come back, not to give up what
    it was doing as if we had decided against it.
    """
    reason = "clock" if isinstance(refusal, ClockApart) else "token"
    TOKENS_REFUSED.labels(reason).inc()
    log.warning("service_token_refused", reason=reason, **refusal.params)
    refusal.retry_after = COME_BACK_SECONDS


def _user_token(request: Request) -> str | None:
    header = request.META.get("HTTP_AUTHORIZATION", "")
    if header:
        return _bearer(header)
    token = request.META.get(ACCESS_TOKEN_HEADER, "").strip()
    if not token:
        return None
    return _sane(token)


def _bearer(header: str) -> str:
    scheme, _, token = header.strip().partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise TokenInvalid
    return _sane(token.strip())


def _sane(token: str) -> str:
    if len(token) > LONGEST_TOKEN or not token.isascii():
        raise TokenInvalid
    return token
