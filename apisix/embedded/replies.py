"""The gateway's own errors, in the suite's envelope: never text, never HTML; and the log of them.

Only answers that Envoy makes itself pass here; what a service answers goes through untouched.
"""

from collections.abc import Iterator
from typing import Any

# status -> (code, name, Chinese, English); the same codes as common.errors gives in a service.
ERRORS: dict[int, tuple[int, str, str, str]] = {
    400: (1001, "InvalidInput", "请求无效", "Invalid request"),
    401: (1003, "TokenInvalid", "登录凭证无效或已过期", "The token is invalid or has expired"),
    404: (1005, "NotFound", "资源不存在", "Not found"),
    408: (1504, "PeerTimeout", "请求超时", "The request took too long"),
    413: (1009, "BodyTooLarge", "请求体过大", "The request body is too large"),
    429: (1008, "TooManyRequests", "请求过于频繁，请稍后再试", "Too many requests, try again later"),
    431: (1001, "InvalidInput", "请求头过大", "The request headers are too large"),
    502: (1502, "PeerBroken", "服务返回了无法识别的响应", "The service gave no usable answer"),
    503: (1503, "PeerUnavailable", "服务暂不可用，请稍后再试", "The service is unavailable, try again later"),
    504: (1504, "PeerTimeout", "服务响应超时", "The service took too long"),
}
MISSING = (1002, "AuthenticationRequired", "请先登录", "Authentication is required")
_REFUSED = (1004, "PermissionRefused", "没有权限", "Permission refused")

# Families whose envelope has an integer code; everywhere else it is a string. Whole paths, query included.
INTEGER_CODES = (
    r"(?:/api/v/[^/?]+)?/(?:shopping|cart-api|coupon|address-api|order-api|noti|payment|payments)(?:[/?].*)?"
    r"|/api/v1/payment/alipay(?:[/?].*)?"
)
_CEL = "type.googleapis.com/envoy.extensions.access_loggers.filters.cel"
ENGLISH = r"(?i)\s*en\b.*"


def local_replies() -> dict[str, Any]:
    """The `local_reply_config`: one mapper per error, code family and language, first match wins."""
    mappers = []
    for integer in (True, False):
        for english in (True, False):
            mappers += [
                _mapper(condition, error, integer=integer, english=english) for condition, error in _cases()
            ]
    return {"mappers": mappers}


def refusals_log() -> dict[str, Any]:
    """A JSON line on stdout for each answer of the gateway's own; what services answer, they log themselves.

    Without the query, which may hold a token.
    """
    line = {
        "at": "%START_TIME%",
        "service": "gateway",
        "event": "refused",
        "method": "%REQ(:METHOD)%",
        "path": "%PATH(NQ)%",
        "status": "%RESPONSE_CODE%",
        "why": "%RESPONSE_CODE_DETAILS%",
        "request_id": "%REQ(X-REQUEST-ID)%",
        "address": "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%",
    }
    return {
        "name": "envoy.access_loggers.stdout",
        "filter": _expression("response.code_details != 'via_upstream'"),
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.access_loggers.stream.v3.StdoutAccessLog",
            "log_format": {"json_format": line},
        },
    }


def _cases() -> Iterator[tuple[dict[str, Any], tuple[int, str, str, str]]]:
    # "No token" and "bad token" are both 401; Envoy tells them apart in the response's details only.
    yield _details("Jwt_is_missing"), MISSING
    for status, error in ERRORS.items():
        yield _status(status, "EQ"), error
    yield _status(500, "GE"), ERRORS[503]
    yield _status(400, "GE"), _REFUSED


def _mapper(
    condition: dict[str, Any], error: tuple[int, str, str, str], *, integer: bool, english: bool
) -> dict[str, Any]:
    code, name, chinese_text, english_text = error
    filters = [condition]
    if integer:
        filters.append(_header(":path", INTEGER_CODES))
    if english:
        filters.append(_header("accept-language", ENGLISH))
    body: dict[str, Any] = {
        "code": code if integer else str(code),
        "name": name,
        "message": english_text if english else chinese_text,
        "errors": {},
        "request_id": "%REQ(X-REQUEST-ID)%",
        "data": None,
    }
    return {
        "filter": {"and_filter": {"filters": filters}} if len(filters) > 1 else condition,
        "body_format_override": {"json_format": body, "content_type": "application/json"},
    }


def _status(status: int, operator: str) -> dict[str, Any]:
    value = {"default_value": status, "runtime_key": f"reply_{operator.lower()}_{status}"}
    return {"status_code_filter": {"comparison": {"op": operator, "value": value}}}


def _details(text: str) -> dict[str, Any]:
    return _expression(f"response.code_details.contains('{text}')")


def _expression(text: str) -> dict[str, Any]:
    typed = {"@type": f"{_CEL}.v3.ExpressionFilter", "expression": text}
    return {"extension_filter": {"name": "expression", "typed_config": typed}}


def _header(name: str, regex: str) -> dict[str, Any]:
    return {"header_filter": {"header": {"name": name, "string_match": {"safe_regex": {"regex": regex}}}}}
