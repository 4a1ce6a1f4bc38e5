"""Answer bodies: signed over the exact bytes that go out, unsigned refusals, and the spoiled ones."""

import json
from typing import Any

from django.http import HttpResponse
from faults.models import Fault

from alipay_simulator.errors import BusinessFailure, GatewayRefusal
from alipay_simulator.signature import sign, sign_as_stranger
from alipay_simulator.wire import bare, compact

SUCCESS = {"code": "10000", "msg": "Success"}
UNAVAILABLE = {
    "code": "20000",
    "msg": "Service Currently Unavailable",
    "sub_code": "isp.unknow-error",
    "sub_msg": "系统繁忙",
}


def success(node: dict[str, Any]) -> dict[str, Any]:
    return {**SUCCESS, **bare(node)}


def failure(error: BusinessFailure) -> dict[str, Any]:
    head = {"code": "40004", "msg": "Business Failed", "sub_code": error.sub_code, "sub_msg": error.sub_msg}
    return {**head, **error.extra}


def refusal(error: GatewayRefusal) -> dict[str, Any]:
    return {"code": error.code, "msg": error.msg, "sub_code": error.sub_code, "sub_msg": error.sub_msg}


def node_name(method: str) -> str:
    return method.replace(".", "_") + "_response"


def signed(method: str, node: dict[str, Any], charset: str, fault: Fault | None = None) -> HttpResponse:
    """`{"<method>_response":{…},"sign":"…"}`; `fault` may spoil the sign or the form, never the meaning."""
    kind = fault.kind if fault is not None else ""
    text = json.dumps(node, ensure_ascii=False, indent=2) if kind == "pretty" else compact(node)
    signature = (sign_as_stranger if kind == "bad_sign" else sign)(text.encode(charset))
    parts = [f'"{node_name(method)}":{text}', f'"sign":"{signature}"']
    if kind == "unsigned":
        parts.pop()
    elif kind == "pretty":
        parts.reverse()
    body = "{" + ",".join(parts) + "}"
    if kind == "truncate":
        body = body[: len(body) // 2]
    return _http("" if kind == "empty" else body, charset)


def unsigned(name: str, node: dict[str, Any], charset: str = "utf-8") -> HttpResponse:
    """Refused requests are answered without a signature: Alipay doesn't know who is asking."""
    return _http(compact({name: node}), charset)


def _http(body: str, charset: str) -> HttpResponse:
    return HttpResponse(body.encode(charset), content_type=f"text/html;charset={charset}")
