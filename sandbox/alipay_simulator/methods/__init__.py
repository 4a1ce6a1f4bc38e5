"""One module per group of gateway methods; `METHODS` is the whole list of what the gateway understands."""

from collections.abc import Callable, Mapping

from django.http import HttpRequest
from faults.models import Fault

from alipay_simulator.methods import bill, close, pay, query, refund
from alipay_simulator.requests_in import GatewayRequest

# (the merchant's request, the HTTP request it came in, an armed fault the method itself plays) -> answer node
Method = Callable[[GatewayRequest, HttpRequest, Fault | None], dict[str, object]]

METHODS: Mapping[str, Method] = {
    "alipay.trade.precreate": pay.precreate,
    "alipay.trade.query": query.query,
    "alipay.trade.close": close.close,
    "alipay.trade.cancel": close.cancel,
    "alipay.trade.refund": refund.refund,
    "alipay.trade.fastpay.refund.query": refund.refund_query,
    "alipay.data.dataservice.bill.downloadurl.query": bill.download_url,
}
# Opened by a browser: they answer a page, not JSON.
BROWSER_METHODS: Mapping[str, str] = {"alipay.trade.page.pay": "page", "alipay.trade.wap.pay": "wap"}
KNOWN_METHODS = frozenset(METHODS) | frozenset(BROWSER_METHODS)
