"""`/sim/…`: the developers' door. Look at everything, press every button, move the clock."""

from typing import Any

from django.conf import settings
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from faults.switchboard import fault_clear

from alipay_simulator import switches
from alipay_simulator.delivery import forge_and_post
from alipay_simulator.errors import BusinessFailure
from alipay_simulator.models import Notification, PayLink, Refund, Trade, Traffic
from alipay_simulator.signature import alipay_public_key
from alipay_simulator.trades import trade_finish, trade_pay
from alipay_simulator.traffic import traffic_list
from alipay_simulator.views.cashier import ACTIONS, press
from alipay_simulator.wire import beijing, yuan
from config.web import Refused, answer, body_of


def trades(request: HttpRequest) -> HttpResponse:
    newest = Trade.objects.order_by("-id")[:100]
    return answer({"trades": [present(trade) for trade in newest]})


def trade(request: HttpRequest, out_trade_no: str) -> HttpResponse:
    """One trade with its refunds and notifications; `links` are the pay links made for the number."""
    found = Trade.objects.filter(out_trade_no=out_trade_no).first()
    links = PayLink.objects.filter(out_trade_no=out_trade_no).order_by("created_at")
    if found is None and not links:
        raise Refused("no such trade", status=404)
    shown: dict[str, Any] = {"trade": None, "refunds": [], "notifications": []}
    if found is not None:
        shown = {
            "trade": present(found),
            "refunds": [_refund(refund) for refund in found.refunds.order_by("id")],
            "notifications": [_notification(row) for row in found.notifications.order_by("id")],
        }
    return answer({**shown, "links": [_link(link) for link in links]})


def trade_press(request: HttpRequest, out_trade_no: str, action: str) -> HttpResponse:
    """scan, pay, fail, close as the buyer; `pay {"force": true}` pays a closed trade; finish: refunds end."""
    found = Trade.objects.filter(out_trade_no=out_trade_no).first()
    if action == "finish" and found is not None:
        trade_finish(found)
    elif action == "pay" and found is not None and body_of(request).get("force"):
        trade_pay(found, force=True)
    else:
        found = _pressed(out_trade_no, action)
    found.refresh_from_db()
    return answer(present(found))


def _pressed(out_trade_no: str, action: str) -> Trade:
    link = PayLink.objects.filter(out_trade_no=out_trade_no).order_by("created_at").last()
    if link is None or action not in ACTIONS:
        raise Refused("no such trade or action", status=404)
    try:
        return press(link, action)
    except BusinessFailure as error:
        raise Refused(f"{error.sub_code} {error.sub_msg}", status=409) from error


def events(request: HttpRequest) -> HttpResponse:
    asked = request.GET
    limit = min(int(asked["limit"]), 1000) if asked.get("limit", "").isdecimal() else 100
    rows = traffic_list(out_trade_no=asked.get("out_trade_no", ""), kind=asked.get("kind", ""), limit=limit)
    return answer({"events": [{**row, "at": beijing(row["at"])} for row in rows]})


def resend(request: HttpRequest, notify_id: str) -> HttpResponse:
    """Puts one notification back on the schedule's first step, delivered or not."""
    row = Notification.objects.filter(notify_id=notify_id)
    changes = {"state": Notification.State.PENDING, "attempts": 0, "next_at": switches.now()}
    if not row.update(**changes):
        raise Refused("no such notification", status=404)
    return answer(_notification(row.get()))


def custom_notify(request: HttpRequest) -> HttpResponse:
    """Posts any form to any address now: `{url, fields, sign: genuine|stranger|none}`, answers the reply."""
    given = body_of(request)
    if not isinstance(given.get("url"), str) or not isinstance(given.get("fields"), dict):
        raise Refused("url and fields, please")
    reply = forge_and_post(given["url"], given["fields"], str(given.get("sign", "genuine")))
    return answer({"status": reply.status, "body": reply.body})


def clock(request: HttpRequest) -> HttpResponse:
    """The simulator's time and, by POST `{advance_seconds}`, how far it is ahead of the real one."""
    if request.method == "POST":
        try:
            switches.clock_advance(float(body_of(request).get("advance_seconds", 0)))
        except (TypeError, ValueError) as wrong:
            raise Refused(f"advance_seconds: {wrong}") from wrong
    return answer({"now": beijing(switches.now()), "offset_seconds": switches.clock_offset()})


def triggers(request: HttpRequest) -> HttpResponse:
    """Which product notifies about what; POST `{product, triggers}` changes one product."""
    if request.method == "POST":
        given = body_of(request)
        try:
            switches.triggers_set(str(given.get("product")), list(given.get("triggers", [])))
        except (TypeError, ValueError) as wrong:
            raise Refused(str(wrong)) from wrong
    return answer({"triggers": switches.triggers_all()})


def application(request: HttpRequest) -> HttpResponse:
    """What a merchant has to configure to talk to this gateway."""
    env = settings.SANDBOX
    return answer(
        {
            "gateway_url": request.build_absolute_uri("/gateway.do"),
            "app_id": env.alipay_app_id,
            "seller_id": env.alipay_seller_id,
            "alipay_public_key": alipay_public_key(),
            "notify_scale": env.notify_scale,
        }
    )


@transaction.atomic
def reset(request: HttpRequest) -> HttpResponse:
    """Forgets trades, links, notifications, traffic, faults, the clock's offset and changed triggers."""
    for model in (Notification, Refund, Trade, PayLink, Traffic):
        model.objects.all().delete()
    fault_clear(("alipay", "notify"))
    switches.settings_reset()
    return answer({"reset": True})


def present(trade: Trade) -> dict[str, Any]:
    return {
        "out_trade_no": trade.out_trade_no,
        "trade_no": trade.trade_no,
        "product": trade.product,
        "status": trade.status,
        "total_amount": yuan(trade.total_amount),
        "refunded_amount": yuan(trade.refunded_amount),
        "subject": trade.subject,
        "notify_url": trade.notify_url,
        "created_at": beijing(trade.created_at),
        "paid_at": beijing(trade.paid_at) if trade.paid_at else None,
        "closed_at": beijing(trade.closed_at) if trade.closed_at else None,
    }


def _refund(refund: Refund) -> dict[str, Any]:
    return {
        "out_request_no": refund.out_request_no,
        "amount": yuan(refund.amount),
        "state": refund.state,
        "reason": refund.reason,
    }


def _notification(row: Notification) -> dict[str, Any]:
    return {
        "notify_id": row.notify_id,
        "trigger": row.trigger,
        "state": row.state,
        "attempts": row.attempts,
        "next_at": beijing(row.next_at),
        "url": row.url,
    }


def _link(link: PayLink) -> dict[str, Any]:
    return {"cashier_url": f"/cashier/{link.token}", "product": link.product, "cancelled": link.is_cancelled}
