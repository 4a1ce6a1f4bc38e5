"""`/gateway.do`: the merchants' door."""

import json
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from faults.connection import spoiled
from faults.models import Fault
from faults.switchboard import fault_take

from alipay_simulator import answers
from alipay_simulator.errors import BusinessFailure, GatewayRefusal
from alipay_simulator.methods import BROWSER_METHODS, KNOWN_METHODS, METHODS
from alipay_simulator.methods.pay import link_make
from alipay_simulator.requests_in import GatewayRequest, gateway_request, parameters_of
from alipay_simulator.traffic import log_traffic
from alipay_simulator.views.pages import error_page
from alipay_simulator.wire import compact

# Faults that put another answer in place of the true one.
REPLACING = ("unknown", "system_error", "balance_not_enough", "business_error")
KEPT_CHARACTERS = 2000


def gateway(request: HttpRequest) -> HttpResponse:
    parameters = parameters_of(request)
    method = parameters.get("method", "")
    out_trade_no = _glimpse(parameters)
    fault = fault_take("alipay", method, out_trade_no)
    response = spoiled(request, fault, lambda: _answer(request, parameters, fault))
    log_traffic(
        kind="gateway",
        operation=method,
        out_trade_no=out_trade_no,
        sent=compact(parameters),
        answered=_readable(response),
        outcome=str(response.status_code),
        fault=fault.kind if fault else "",
    )
    return response


def _answer(http: HttpRequest, parameters: dict[str, str], fault: Fault | None) -> HttpResponse:
    method = parameters.get("method", "")
    try:
        call = gateway_request(parameters, KNOWN_METHODS)
    except GatewayRefusal as error:
        if method in BROWSER_METHODS:
            return error_page(http, error.sub_code, error.sub_msg)
        name = answers.node_name(method) if method in METHODS else "error_response"
        return answers.unsigned(name, answers.refusal(error))
    if method in BROWSER_METHODS:
        return _to_cashier(http, call)
    return answers.signed(method, _node(http, call, fault), call.charset, fault)


def _to_cashier(http: HttpRequest, call: GatewayRequest) -> HttpResponse:
    try:
        link = link_make(call, BROWSER_METHODS[call.method])
    except BusinessFailure as error:
        return error_page(http, error.sub_code, error.sub_msg)
    return HttpResponseRedirect(f"/cashier/{link.token}")


def _node(http: HttpRequest, call: GatewayRequest, fault: Fault | None) -> dict[str, Any]:
    if fault is not None and fault.kind in REPLACING:
        if fault.is_after:
            _true_node(http, call, None)
        return _replacement(fault)
    return _true_node(http, call, fault)


def _true_node(http: HttpRequest, call: GatewayRequest, fault: Fault | None) -> dict[str, Any]:
    try:
        return answers.success(METHODS[call.method](call, http, fault))
    except BusinessFailure as error:
        return answers.failure(error)


def _replacement(fault: Fault) -> dict[str, Any]:
    if fault.kind == "unknown":
        return dict(answers.UNAVAILABLE)
    sub_codes = {
        "system_error": "ACQ.SYSTEM_ERROR",
        "balance_not_enough": "ACQ.SELLER_BALANCE_NOT_ENOUGH",
        "business_error": str(fault.parameters.get("sub_code", "ACQ.INVALID_PARAMETER")),
    }
    return answers.failure(BusinessFailure(sub_codes[fault.kind]))


def _glimpse(parameters: dict[str, str]) -> str:
    """The trade number before anything is checked, for the log and for faults aimed at one trade."""
    try:
        return str(json.loads(parameters.get("biz_content", "{}")).get("out_trade_no", ""))[:64]
    except (ValueError, AttributeError):
        return ""


def _readable(response: HttpResponse) -> str:
    if isinstance(response, HttpResponseRedirect):
        return f"-> {response.url}"
    return response.content[:KEPT_CHARACTERS].decode(response.charset or "utf-8", errors="replace")
