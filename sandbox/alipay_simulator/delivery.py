"""Delivering notifications: claim what is due, sign, POST, and repeat by the schedule until `success`."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlencode

import requests
from django.db import transaction
from django.db.models import F
from faults.models import Fault
from faults.switchboard import fault_take

from alipay_simulator.models import Notification
from alipay_simulator.notifications import next_delivery
from alipay_simulator.signature import notify_text, sign, sign_as_stranger
from alipay_simulator.switches import now as alipay_now
from alipay_simulator.traffic import log_traffic
from alipay_simulator.wire import beijing

# Longer than the receiver may take; a notifier killed in between is repeated after it.
LEASE = timedelta(seconds=60)
ANSWER_SECONDS = 15
SENDING_FAULTS = ("drop", "duplicate", "forge", "bad_sign", "tamper")


@dataclass(frozen=True)
class Reply:
    status: int
    body: str

    @property
    def is_success(self) -> bool:
        """Exactly the seven letters with 200; anything else is sent again."""
        return self.status == 200 and self.body == "success"


Post = Callable[[str, str], Reply]


def post_form(url: str, form: str) -> Reply:
    """Sends the form as Alipay does: no redirects, no patience beyond 15 seconds."""
    headers = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}
    try:
        response = requests.post(
            url, form.encode(), headers=headers, timeout=ANSWER_SECONDS, allow_redirects=False
        )
    except requests.RequestException as error:
        return Reply(0, type(error).__name__)
    return Reply(response.status_code, response.text[:200])


def due(at: datetime, limit: int = 50) -> list[Notification]:
    """What should go out now, oldest due first."""
    pending = Notification.objects.filter(state=Notification.State.PENDING, next_at__lte=at)
    return list(pending.select_related("trade").order_by("next_at", "id")[:limit])


def deliver(
    notification: Notification, *, post: Post = post_form, now: Callable[[], datetime] = alipay_now
) -> bool:
    """One attempt of one notification. False when another notifier was faster."""
    if not claim(notification, now()):
        return False
    attempt(notification, post=post, now=now)
    return True


def attempt(
    notification: Notification, *, post: Post = post_form, now: Callable[[], datetime] = alipay_now
) -> None:
    """Sends a claimed notification and books what came back."""
    out_trade_no = notification.trade.out_trade_no
    fault = fault_take("notify", notification.trigger, out_trade_no, kinds=SENDING_FAULTS)
    form = urlencode(_signed_fields(notification, fault, now()))
    reply = _sent(notification, form, fault, post)
    with transaction.atomic():
        if not _book(notification, reply, now()):
            return  # A reset came while it was being sent: nothing of it is remembered.
        log_traffic(
            kind="notify",
            operation=notification.trigger,
            out_trade_no=out_trade_no,
            sent=f"POST {notification.url}\n{form}",
            answered=f"{reply.status} {reply.body}",
            outcome="success" if reply.is_success else f"attempt {notification.attempts} not accepted",
            fault=fault.kind if fault else "",
        )


def claim(notification: Notification, at: datetime) -> bool:
    """Conditional UPDATE on the attempt number: one notifier wins, and a killed one is taken over."""
    row = Notification.objects.filter(
        pk=notification.pk, state=Notification.State.PENDING, attempts=notification.attempts
    )
    won = row.update(attempts=F("attempts") + 1, next_at=at + LEASE, waits_for_later=False)
    notification.attempts += 1
    return bool(won)


def _sent(notification: Notification, form: str, fault: Fault | None, post: Post) -> Reply:
    if fault is not None and fault.kind == "drop":
        return Reply(0, "dropped by a fault")
    times = int(fault.parameters.get("times", 2)) if fault is not None and fault.kind == "duplicate" else 1
    replies = [post(notification.url, form) for _ in range(times)]
    return replies[-1]


def _book(notification: Notification, reply: Reply, at: datetime) -> bool:
    """Writes down the answer. False when the notification is no longer there."""
    following = next_delivery(notification.attempts, at)
    if reply.is_success:
        changes: dict[str, object] = {"state": Notification.State.DELIVERED}
    elif following is None:
        changes = {"state": Notification.State.EXHAUSTED}
    else:
        changes = {"next_at": following}
    is_there = bool(Notification.objects.filter(pk=notification.pk).update(**changes))
    # One of the same trade that was held back to come out of order may go now.
    Notification.objects.filter(trade_id=notification.trade_id, waits_for_later=True).update(next_at=at)
    return is_there


def _signed_fields(notification: Notification, fault: Fault | None, at: datetime) -> dict[str, str]:
    """The form of one attempt: same notify_id as ever, a fresh notify_time and signature."""
    fields: dict[str, str] = {
        **notification.fields,
        "notify_id": notification.notify_id,
        "notify_time": beijing(at),
    }
    genuine = sign(notify_text(fields).encode())
    kind = fault.kind if fault is not None else ""
    if fault is not None and kind == "tamper":
        genuine = _tamper(fields, fault, genuine)
    elif kind == "forge":
        genuine = sign_as_stranger(notify_text(fields).encode())
    elif kind == "bad_sign":
        genuine = "%%% not base64 %%%"
    return {**fields, "sign_type": "RSA2", "sign": genuine}


def _tamper(fields: dict[str, str], fault: Fault, genuine: str) -> str:
    """Changes one field; with `resign` (the default) it is signed anew, so only the checks can tell."""
    field = str(fault.parameters.get("field", "total_amount"))
    fields[field] = str(fault.parameters.get("value", "0.01"))
    return sign(notify_text(fields).encode()) if fault.parameters.get("resign", True) else genuine


def forge_and_post(url: str, fields: dict[str, str], signer: str, *, post: Post = post_form) -> Reply:
    """A form made up by the caller, signed by Alipay (`genuine`), by a stranger, or not at all (`none`)."""
    form = {name: str(value) for name, value in fields.items()}
    if signer != "none":
        signing = sign if signer == "genuine" else sign_as_stranger
        form |= {"sign_type": "RSA2", "sign": signing(notify_text(form).encode())}
    return post(url, urlencode(form))
