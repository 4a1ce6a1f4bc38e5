"""Reading and checking a merchant's request, in the order the real gateway complains."""

import json
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils import timezone

from alipay_simulator.errors import GatewayRefusal
from alipay_simulator.signature import is_signed_by_app, request_text
from alipay_simulator.wire import parse_beijing

BROWSER_METHODS = ("alipay.trade.page.pay", "alipay.trade.wap.pay")
CHARSETS = {"utf-8": "utf-8", "gbk": "gbk", "gb2312": "gbk", "utf8": "utf-8"}


@dataclass(frozen=True)
class GatewayRequest:
    method: str
    parameters: dict[str, str]
    biz: dict[str, Any]
    charset: str

    @property
    def out_trade_no(self) -> str:
        return str(self.biz.get("out_trade_no", ""))


def parameters_of(request: HttpRequest) -> dict[str, str]:
    """Query string and form together (a POST may put half of it in either), last value wins."""
    charset = request.GET.get("charset") or request.POST.get("charset") or "utf-8"
    if CHARSETS.get(charset.lower()) == "gbk":
        request.encoding = "gbk"
    return {**request.GET.dict(), **request.POST.dict()}


def gateway_request(parameters: dict[str, str], known_methods: frozenset[str]) -> GatewayRequest:
    """Raises GatewayRefusal with the code the real gateway gives for the first thing that is wrong."""
    method = _required(parameters, "method", "method", "缺少方法名参数")
    if method not in known_methods:
        raise GatewayRefusal("40002", "isv.invalid-method", "不存在的方法名")
    _check_application(parameters)
    charset = _checked_form(parameters)
    _check_timestamp(parameters, is_browser=method in BROWSER_METHODS)
    _check_signature(parameters, charset)
    return GatewayRequest(method, parameters, _biz_content(parameters), charset)


def _check_application(parameters: dict[str, str]) -> None:
    app_id = _required(parameters, "app_id", "app-id", "缺少 appId 参数")
    if app_id != settings.SANDBOX.alipay_app_id:
        raise GatewayRefusal("40002", "isv.invalid-app-id", "无效的 AppID 参数")


def _checked_form(parameters: dict[str, str]) -> str:
    if _required(parameters, "version", "version", "缺少版本参数") != "1.0":
        raise GatewayRefusal("40002", "isv.invalid-version", "无效的版本参数")
    if parameters.get("format", "JSON").upper() != "JSON":
        raise GatewayRefusal("40002", "isv.invalid-format", "无效的数据格式")
    charset = CHARSETS.get(_required(parameters, "charset", "charset", "缺少字符集参数").lower())
    if charset is None:
        raise GatewayRefusal("40002", "isv.invalid-charset", "字符集错误")
    return charset


def _check_timestamp(parameters: dict[str, str], *, is_browser: bool) -> None:
    """Server calls must be fresh; a pay link may be opened later by a slow buyer. Never from the future."""
    text = _required(parameters, "timestamp", "timestamp", "缺少时间戳参数")
    env = settings.SANDBOX
    skew = timedelta(seconds=env.timestamp_skew_seconds)
    age_allowed = timedelta(hours=env.pay_link_hours) if is_browser else skew
    try:
        age = timezone.now() - parse_beijing(text)
    except ValueError as wrong:
        raise GatewayRefusal("40002", "isv.invalid-timestamp", "非法的时间戳参数") from wrong
    if not -skew <= age <= age_allowed:
        raise GatewayRefusal("40002", "isv.invalid-timestamp", "非法的时间戳参数")


def _check_signature(parameters: dict[str, str], charset: str) -> None:
    if _required(parameters, "sign_type", "signature-type", "缺少签名类型参数") != "RSA2":
        raise GatewayRefusal("40002", "isv.invalid-signature-type", "无效的签名类型")
    signature = _required(parameters, "sign", "signature", "缺少签名参数")
    if not is_signed_by_app(request_text(parameters).encode(charset), signature):
        raise GatewayRefusal(
            "40002", "isv.invalid-signature", "验签出错，建议检查签名字符串或签名私钥与应用公钥是否匹配"
        )


def _biz_content(parameters: dict[str, str]) -> dict[str, Any]:
    text = _required(parameters, "biz_content", "biz-content", "缺少业务参数")
    try:
        biz = json.loads(text, parse_float=Decimal)
    except ValueError as wrong:
        raise GatewayRefusal("40002", "isv.invalid-parameter", "业务参数不是 JSON") from wrong
    if not isinstance(biz, dict):
        raise GatewayRefusal("40002", "isv.invalid-parameter", "业务参数不是 JSON 对象")
    return biz


def _required(parameters: dict[str, str], name: str, word: str, message: str) -> str:
    value = parameters.get(name, "")
    if not value:
        raise GatewayRefusal("40001", f"isv.missing-{word}", message)
    return value
