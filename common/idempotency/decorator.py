"""`@idempotent` for a view's creating method: the header, the digest of the body, and the stored answer.

    class PaymentCreateAPIView(UserAPIView):
        @idempotent
        def post(self, request): …            # its service calls bind("payment", payment.uuid)
        def rebuild(self, resource_uuid): …   # the answer again, from what is stored

The rows are `claim`'s. Without the header nothing here happens; natural keys still protect.
"""

import functools
import hashlib
import re
from collections.abc import Callable
from typing import Any

import orjson
from django.http import HttpResponse
from rest_framework.response import Response

from common.counters import IDEMPOTENCY
from common.errors import IdempotencyKeyReused, InvalidInput, RequestInProgress
from common.idempotency import claim as keys
from common.idempotency.claim import Claim, Earlier, bind
from common.tracing import localized

__all__ = ["bind", "idempotent"]

HEADER = "Idempotency-Key"
REPLAYED = "Idempotent-Replay"
KEY = re.compile(r"[\x21-\x7e]{1,255}")
# What may turn out otherwise the next time is never kept; 202 becomes a final answer, so it is rebuilt.
PASSING = frozenset({202, 401, 408, 409, 425, 429})

Method = Callable[..., Any]


def idempotent(method: Method) -> Method:
    """Same key and body: the first answer again, marked `Idempotent-Replay: true`. Another body: 422.
    Running: 409.
    """

    @functools.wraps(method)
    def post(view: Any, request: Any, *args: Any, **kwargs: Any) -> Any:
        key = request.headers.get(HEADER)
        scope = _scope(request.user)
        if key is None or scope is None:
            return method(view, request, *args, **kwargs)
        found = _claimed(_digest(scope, request, key), _body_digest(request))
        if isinstance(found, Earlier):
            return _replay(view, found)
        return _carry_out(found, view, lambda: method(view, request, *args, **kwargs))

    post.takes_idempotency_key = True  # type: ignore[attr-defined]  # read by the API description
    return post


def _claimed(digest: str, body_digest: str) -> Claim | Earlier:
    try:
        found = keys.claim_key(digest, body_digest)
    except (IdempotencyKeyReused, RequestInProgress) as refusal:
        IDEMPOTENCY.labels("reused" if isinstance(refusal, IdempotencyKeyReused) else "running").inc()
        raise
    IDEMPOTENCY.labels("replayed" if isinstance(found, Earlier) else "first").inc()
    return found


def _scope(user: Any) -> str | None:
    """Keys are private to a caller; one without any name cannot have them."""
    key = getattr(user, "scope_key", "")
    return key if key and not key.endswith(":") else None


def _digest(scope: str, request: Any, key: str) -> str:
    if not KEY.fullmatch(key):
        raise InvalidInput(
            fields={
                HEADER: [
                    localized(
                        "必须是 1 到 255 个可见 ASCII 字符", "must be 1 to 255 visible ASCII characters"
                    )
                ]
            }
        )
    return hashlib.sha256("\n".join([scope, request.method, request.path, key]).encode()).hexdigest()


def _body_digest(request: Any) -> str:
    body = orjson.dumps(request.data, default=str, option=orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS)
    return hashlib.sha256(request.META.get("QUERY_STRING", "").encode() + b"\n" + body).hexdigest()


def _carry_out(claim: Claim, view: Any, run: Callable[[], Any]) -> Any:
    token = keys.current.set(claim)
    try:
        response = _respond(view, run)
    except BaseException:
        keys.let_go(claim)
        raise
    finally:
        keys.current.reset(token)
    _keep(claim, response)
    return response


def _respond(view: Any, run: Callable[[], Any]) -> Any:
    """A refusal is an answer as well: turn it into one, so that it can be kept."""
    try:
        return run()
    except Exception as error:
        return view.handle_exception(error)


def _keep(claim: Claim, response: Any) -> None:
    if response.status_code >= 500 or response.status_code in PASSING:
        keys.let_go(claim)
    elif isinstance(response, Response):
        response.add_post_render_callback(lambda done: _store(claim, done))
    else:
        _store(claim, response)


def _store(claim: Claim, response: Any) -> None:
    keys.keep_answer(claim, response.status_code, response.content.decode())


def _replay(view: Any, earlier: Earlier) -> Any:
    if earlier.status is not None:
        response = HttpResponse(earlier.answer or "", status=earlier.status, content_type="application/json")
    elif hasattr(view, "rebuild"):
        response = view.rebuild(earlier.resource_uuid)
    else:
        raise RequestInProgress(
            retry_after=5, data={"resource": earlier.resource_type, "uuid": str(earlier.resource_uuid)}
        )
    response[REPLAYED] = "true"
    return response
