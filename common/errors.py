"""The tree of everything that can go wrong, each with a code that is stable for ever.

Room: plain. No Django, no HTTP, no other module of `common`. Errors of one service live in its
own `<app>/errors.py` as subclasses; how an error looks on the wire is `common.web`'s affair.

    SuiteError
    ├── InvalidInput 1001/400
    │   └── InvalidAmount 1014/400
    ├── AuthenticationRequired 1002/401
    ├── TokenInvalid 1003/401
    │   └── ClockApart 1016/401
    ├── PermissionRefused 1004/403
    ├── NotFound 1005/404
    ├── MethodNotAllowed 1006/405
    ├── UnsupportedMediaType 1007/415
    ├── TooManyRequests 1008/429
    ├── BodyTooLarge 1009/413
    ├── IdempotencyKeyReused 1010/422
    ├── RequestInProgress 1011/409
    ├── Conflict 1012/409
    ├── LeaseTimeout 1013/409
    ├── StateConflict 1015/409
    ├── InternalError 1500/500
    ├── CallInTransaction 1505/500
    ├── DatabaseUnavailable 1506/503
    └── PeerError (abstract)
        ├── PeerRejected 1501/502      the peer answered 4xx
        ├── PeerBroken 1502/502        5xx, nonsense or a broken connection: outcome unknown
        ├── PeerUnavailable 1503/503   nothing was sent: refused, breaker open, bulkhead full, no time left
        └── PeerTimeout 1504/504       no answer in time: outcome unknown
"""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar


class SuiteError(Exception):
    """The root. A concrete subclass states its own `code`; one without a code is abstract.

    `retryable` says whether the same call may succeed later: client, relay and saga runner agree on it.
    `retry_after` is whole seconds; `fields` maps a field's name to its messages; `data` goes out as is.
    """

    code: ClassVar[int]
    status: ClassVar[int]
    zh: ClassVar[str]
    en: ClassVar[str]
    retryable: bool = False

    def __init__(
        self,
        *,
        fields: Mapping[str, list[str]] | None = None,
        retry_after: int | None = None,
        data: Any = None,
        **params: Any,
    ) -> None:
        self.fields = dict(fields or {})
        self.retry_after = retry_after
        self.data = data
        self.params = params
        super().__init__(self.message("en"))

    @property
    def name(self) -> str:
        return type(self).__name__

    def message(self, language: str = "zh") -> str:
        """The sentence for people, in Chinese unless `language` is "en"."""
        return _fill(self.en if language == "en" else self.zh, self.params)


class _Known(dict[str, Any]):
    """Parameters of a message; one that was not given reads as nothing."""

    def __missing__(self, key: str) -> str:
        return ""


def _fill(template: str, params: Mapping[str, Any]) -> str:
    try:
        return template.format_map(_Known(params)).strip()
    except (ValueError, LookupError, AttributeError, TypeError):
        return template


class InvalidInput(SuiteError):
    """What was sent cannot be read or breaks a rule of its field."""

    code, status = 1001, 400
    zh, en = "请求参数错误", "The request is invalid"


class InvalidAmount(InvalidInput):
    """An amount that is not plain digits with at most two places, or out of its range."""

    code, status = 1014, 400
    zh, en = "金额格式错误", "The amount is invalid"


class AuthenticationRequired(SuiteError):
    code, status = 1002, 401
    zh, en = "请先登录", "Authentication is required"


class TokenInvalid(SuiteError):
    """A token was given and is not good. The reason goes to the log, never to the caller."""

    code, status = 1003, 401
    zh, en = "登录凭证无效或已过期", "The token is invalid or has expired"


class ClockApart(TokenInvalid):
    """A sibling's token, truly signed and for us, but not good at this time: one of two clocks is wrong.

    Told to the caller: only a sibling can hold such a token. `seconds` is ours minus theirs, about.
    """

    code, retryable = 1016, True
    zh = "双方时钟相差约 {seconds} 秒：请校准（NTP）"
    en = "Our clocks are about {seconds} seconds apart: set the wrong one right (NTP)"


class PermissionRefused(SuiteError):
    code, status = 1004, 403
    zh, en = "没有权限执行此操作", "You may not do this"


class NotFound(SuiteError):
    """Unknown and not-yours look the same."""

    code, status = 1005, 404
    zh, en = "资源不存在", "Not found"


class MethodNotAllowed(SuiteError):
    code, status = 1006, 405
    zh, en = "不支持该请求方法", "The method is not allowed here"


class UnsupportedMediaType(SuiteError):
    code, status = 1007, 415
    zh, en = "不支持该内容类型", "The media type is not supported"


class TooManyRequests(SuiteError):
    code, status, retryable = 1008, 429, True
    zh, en = "请求过于频繁,请稍后再试", "Too many requests, try again later"


class BodyTooLarge(SuiteError):
    code, status = 1009, 413
    zh, en = "请求内容过大", "The body is too large"


class IdempotencyKeyReused(SuiteError):
    code, status = 1010, 422
    zh, en = "幂等键已用于不同的请求", "The idempotency key was used for a different request"


class RequestInProgress(SuiteError):
    code, status, retryable = 1011, 409, True
    zh, en = "相同的请求正在处理中", "The same request is still in progress"


class Conflict(SuiteError):
    code, status = 1012, 409
    zh, en = "请求与当前数据冲突", "The request conflicts with what is stored"


class LeaseTimeout(SuiteError):
    code, status, retryable = 1013, 409, True
    zh, en = "资源正忙,请稍后再试", "Someone else is working on this, try again later"


class StateConflict(SuiteError):
    """The row is not in a state that allows this step (any more)."""

    code, status = 1015, 409
    zh, en = "当前状态不允许此操作", "The present state does not allow this"


class InternalError(SuiteError):
    code, status = 1500, 500
    zh, en = "服务器内部错误", "Something went wrong on our side"


class CallInTransaction(SuiteError):
    """A programming error: a peer was called while a database transaction was open."""

    code, status = 1505, 500
    zh, en = "事务中禁止调用其他服务", "No peer may be called inside a transaction"


class DatabaseUnavailable(SuiteError):
    """The database is away or kept refusing; whether the last change was kept is unknown."""

    code, status, retryable = 1506, 503, True
    zh, en = "服务暂时不可用,请稍后再试", "The service is busy, try again later"


class PeerError(SuiteError):
    """A call to another service did not give what was asked. `peer` is that service's name."""

    def __init__(self, *, peer: str = "", reason: str = "", **rest: Any) -> None:
        self.peer = peer
        self.reason = reason
        super().__init__(peer=peer, reason=reason, **rest)


class PeerRejected(PeerError):
    """The peer understood and said no (4xx), so nothing was done.

    Final, unless the peer itself asks to come back: 408, 425, 429, or an answer with Retry-After.
    """

    code, status = 1501, 502
    zh, en = "{peer} 拒绝了请求", "{peer} refused the request"

    def __init__(
        self,
        *,
        peer: str = "",
        peer_status: int = 400,
        peer_code: str = "",
        peer_name: str = "",
        peer_message: str = "",
        peer_data: Any = None,
        retry_after: int | None = None,
        **rest: Any,
    ) -> None:
        super().__init__(peer=peer, retry_after=retry_after, **rest)
        self.peer_status = peer_status
        self.peer_code = peer_code
        self.peer_name = peer_name
        self.peer_message = peer_message
        self.peer_data = peer_data
        self.retryable = peer_status in {408, 425, 429} or retry_after is not None


class PeerBroken(PeerError):
    code, status, retryable = 1502, 502, True
    zh, en = "{peer} 返回异常", "{peer} gave no usable answer"


class PeerUnavailable(PeerError):
    code, status, retryable = 1503, 503, True
    zh, en = "{peer} 暂时不可用", "{peer} is not available"


class PeerTimeout(PeerError):
    code, status, retryable = 1504, 504, True
    zh, en = "{peer} 响应超时", "{peer} did not answer in time"


def all_errors() -> list[type[SuiteError]]:
    """Every concrete error that has been imported, by code. `docs/errors.md` is generated from it."""
    return sorted(_concrete(SuiteError), key=lambda error: (error.code, error.__name__))


def _concrete(root: type[SuiteError]) -> Iterator[type[SuiteError]]:
    for error in root.__subclasses__():
        if "code" in vars(error):
            yield error
        yield from _concrete(error)
