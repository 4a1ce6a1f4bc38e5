"""The log of everything said and answered: what tests and people look at afterwards."""

from typing import Any

from django.conf import settings

from alipay_simulator.models import Traffic

KEPT_ROWS = 20_000
_TRIM_EVERY = 500


def log_traffic(**row: str) -> None:
    if not settings.SANDBOX.event_log:
        return
    written = Traffic.objects.create(**row)
    if written.pk % _TRIM_EVERY == 0:
        Traffic.objects.filter(pk__lt=written.pk - KEPT_ROWS).delete()


def traffic_list(*, out_trade_no: str = "", kind: str = "", limit: int = 100) -> list[dict[str, Any]]:
    """The newest rows, newest last."""
    rows = Traffic.objects.order_by("-id")
    if out_trade_no:
        rows = rows.filter(out_trade_no=out_trade_no)
    if kind:
        rows = rows.filter(kind=kind)
    names = ("id", "at", "kind", "operation", "out_trade_no", "sent", "answered", "outcome", "fault")
    return list(rows.values(*names)[:limit])[::-1]
