"""`/cashier/…`: the buyers' door. Paying is one press, failing and closing are others."""

from datetime import datetime
from urllib.parse import urlencode

import segno
from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils import timezone

from alipay_simulator import states
from alipay_simulator.errors import BusinessFailure
from alipay_simulator.models import PayLink, Trade
from alipay_simulator.signature import notify_text, sign
from alipay_simulator.switches import now
from alipay_simulator.trades import trade_close, trade_create, trade_find, trade_pay
from alipay_simulator.traffic import log_traffic
from alipay_simulator.views.pages import error_page
from alipay_simulator.wire import beijing, yuan
from config.web import Refused

RETURN_METHODS = {states.PAGE: "alipay.trade.page.pay.return", states.WAP: "alipay.trade.wap.pay.return"}
ACTIONS = ("scan", "pay", "fail", "close")


class HttpResponseSeeOther(HttpResponseRedirect):
    status_code = 303


def cashier(request: HttpRequest, token: str) -> HttpResponse:
    """Looking creates nothing: the trade begins when the buyer scans, pays, fails or closes."""
    link = _link(token)
    trade = trade_find(out_trade_no=link.out_trade_no)
    return render(
        request,
        "alipay_simulator/cashier.html",
        {
            "link": link,
            "trade": trade,
            "amount": yuan(link.total_amount),
            "state": _state(link, trade),
            "failed": request.GET.get("failed") == "1",
            "expires_at": _expiry(link, trade),
            "qr": _qr(request.build_absolute_uri(f"/qr/{link.token}")),
            "return_url": link.return_url,
        },
    )


def cashier_press(request: HttpRequest, token: str, action: str) -> HttpResponse:
    link = _link(token)
    if action not in ACTIONS:
        raise Refused("no such button", status=404)
    try:
        trade = press(link, action)
    except BusinessFailure as error:
        return error_page(request, error.sub_code, error.sub_msg)
    if action == "pay" and link.return_url:
        return HttpResponseSeeOther(return_address(link, trade))
    return HttpResponseSeeOther(f"/cashier/{token}" + ("?failed=1" if action == "fail" else ""))


def press(link: PayLink, action: str) -> Trade:
    """The buyer's action, also for the control API. A failed payment leaves the trade waiting, as in life."""
    trade = trade_create(link)
    if action == "pay":
        trade_pay(trade)
    elif action == "close":
        trade_close(trade)
    log_traffic(kind="cashier", operation=action, out_trade_no=link.out_trade_no, outcome=trade.status)
    return trade


def return_address(link: PayLink, trade: Trade) -> str:
    """The merchant's page with Alipay's signed parameters. It proves little: the merchant has to ask."""
    env = settings.SANDBOX
    parameters = {
        "app_id": env.alipay_app_id,
        "auth_app_id": env.alipay_app_id,
        "charset": "utf-8",
        "method": RETURN_METHODS.get(link.product, RETURN_METHODS[states.PAGE]),
        "out_trade_no": trade.out_trade_no,
        "seller_id": env.alipay_seller_id,
        "timestamp": beijing(timezone.now()),
        "total_amount": yuan(trade.total_amount),
        "trade_no": trade.trade_no,
        "version": "1.0",
    }
    signature = sign(notify_text(parameters).encode())
    joint = "&" if "?" in link.return_url else "?"
    return link.return_url + joint + urlencode({**parameters, "sign_type": "RSA2", "sign": signature})


def _qr(text: str) -> str:
    return segno.make(text, error="m").svg_inline(omitsize=True, border=0, dark="#1f2d3d")


def _link(token: str) -> PayLink:
    link = PayLink.objects.filter(pk=token).first()
    if link is None:
        raise Refused("no such payment link", status=404)
    return link


def _state(link: PayLink, trade: Trade | None) -> str:
    """open, paid or closed, as the page shows it."""
    if trade is not None and trade.status != states.WAIT_BUYER_PAY:
        return "paid" if trade.paid_at else "closed"
    expires = _expiry(link, trade)
    if link.is_cancelled or (expires is not None and expires <= now()):
        return "closed"
    return "open"


def _expiry(link: PayLink, trade: Trade | None) -> datetime | None:
    """A relative term (`timeout_express`) has not begun before there is a trade."""
    return trade.expires_at if trade is not None else link.time_expire
