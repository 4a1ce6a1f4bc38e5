"""The outer shape of every answer, per family of paths.

The inner shapes belong to the services' serializers.
"""

from __future__ import annotations

from typing import Any, Literal

from common.errors import SuiteError
from common.tracing import current

Family = Literal["cfmp", "payment_api", "shopping", "provider"]

# Longest prefix first, so that `/api/v1/payment/alipay` is not taken for a CFMP path.
_FAMILIES: tuple[tuple[str, Family], ...] = (
    ("/api/payment/callback", "provider"),
    ("/api/payment/return", "provider"),
    ("/api/v1/payment/alipay/notify", "provider"),
    ("/api/v1/payment", "payment_api"),
    ("/api/", "cfmp"),
    ("/payments", "payment_api"),
    ("/payment/", "payment_api"),
    ("/internal/payment", "payment_api"),
    ("/shopping/", "shopping"),
    ("/cart-api/", "shopping"),
    ("/coupon/", "shopping"),
    ("/address-api/", "shopping"),
    ("/order-api/", "shopping"),
    ("/refund/", "shopping"),
    ("/noti/", "shopping"),
    ("/event/", "shopping"),
)


def family_for_path(path: str) -> Family:
    """The family a path belongs to, for answers given before a view is found; unknown paths are CFMP."""
    return next((family for prefix, family in _FAMILIES if path.startswith(prefix)), "cfmp")


def code_for(family: Family, code: int) -> str | int:
    """`code` as the family writes it: text in CFMP, an integer elsewhere."""
    return str(code) if family == "cfmp" else code


def envelope(
    family: Family, data: Any = None, *, message: str = "success", code: int = 200
) -> dict[str, Any]:
    """A successful answer of `family`."""
    return {"code": code_for(family, code), "message": message, "data": data}


def problem(family: Family, error: SuiteError) -> dict[str, Any]:
    """The answer that tells `error`, in the language of the request."""
    context = current()
    return {
        "code": code_for(family, error.code),
        "name": error.name,
        "message": error.message(context.language),
        "errors": {name: list(messages) for name, messages in (error.fields or {}).items()},
        "request_id": context.request_id,
        "data": error.data,
    }
