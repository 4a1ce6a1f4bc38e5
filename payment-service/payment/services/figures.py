"""How money is doing: unknown results, stuck refunds, refused callbacks. For `/metrics` and alerts. Reads
only."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from django.db.models import Count, Max, Min
from prometheus_client import Counter
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from common import clock
from common.live_table import ALIPAY_ACCOUNT
from payment.models import LedgerKind, Payment, PaymentConfigChange, Refund, SecurityEvent
from payment.states import PaymentStatus, RefundStatus

# A refund asked about this often is not merely slow: an operator should look at it.
STUCK_AFTER = 4

# Yuan as floats, good to a fen up to 90 trillion: a picture of the flow. The books are `audit_money`'s.
MONEY = Counter("payment_money_yuan", "Money booked: charged from buyers, refunded to them.", ["kind"])
MONEY_KINDS = {LedgerKind.CHARGE_SUCCESS: "charged", LedgerKind.REFUND_SUCCESS: "refunded"}
RISK = Counter("payment_risk_outcomes", "What risk control said of attempts.", ["outcome"])
REFUSED = Counter("payment_callbacks_refused", "Callbacks that were not believed, each time.", ["reason"])


def count_money(kind: LedgerKind, amount: Decimal) -> None:
    """Count what the ledger's `kind` moved; most kinds move nothing."""
    if kind in MONEY_KINDS:
        MONEY.labels(MONEY_KINDS[kind]).inc(float(amount))


@dataclass(frozen=True)
class MoneyFigures:
    """Counts of rows; ages in seconds of the oldest one, 0 where there is none."""

    unknown: int
    unknown_age: float
    held: int
    refunds_open: int
    refunds_stuck: int
    refund_age: float
    refused: dict[str, int]
    account_changed: float


def money_figures() -> MoneyFigures:
    """Five small queries, each on an index or of a small table."""
    pending = Payment.objects.filter(status=PaymentStatus.PENDING, sync_due_at__isnull=False)
    unknown = pending.filter(unknown=True).aggregate(count=Count("id"), since=Min("updated_at"))
    sent = Refund.objects.filter(status=RefundStatus.PROCESSING)
    under_way = sent.aggregate(count=Count("id"), since=Min("created_at"))
    refused = SecurityEvent.objects.values_list("kind").annotate(count=Count("id")).order_by()
    return MoneyFigures(
        unknown=unknown["count"],
        unknown_age=clock.age(unknown["since"]),
        held=pending.filter(under_review=True).count(),
        refunds_open=under_way["count"],
        refunds_stuck=sent.filter(sync_attempts__gte=STUCK_AFTER).count(),
        refund_age=clock.age(under_way["since"]),
        refused=dict(refused),
        account_changed=_account_changed(),
    )


def _account_changed() -> float:
    rows = PaymentConfigChange.objects.filter(setting__in=ALIPAY_ACCOUNT)
    when = rows.aggregate(last=Max("noted_at"))["last"]
    return when.timestamp() if when else 0.0


class MoneyCollector(Collector):
    """Asks the database at the moment of the scrape, so that any process of the service tells the same."""

    def describe(self) -> list[GaugeMetricFamily]:
        return []

    def collect(self) -> Iterator[GaugeMetricFamily]:
        figures = money_figures()
        yield GaugeMetricFamily(
            "payment_unknown", "Payments whose result nobody knows.", value=figures.unknown
        )
        yield GaugeMetricFamily(
            "payment_unknown_age_seconds", "Age of the oldest of them.", value=figures.unknown_age
        )
        yield GaugeMetricFamily("payment_under_review", "Payments a reviewer holds.", value=figures.held)
        yield GaugeMetricFamily("refund_open", "Refunds sent and not settled.", value=figures.refunds_open)
        yield GaugeMetricFamily(
            "refund_open_age_seconds", "Age of the oldest of them.", value=figures.refund_age
        )
        yield GaugeMetricFamily(
            "refund_stuck", f"Refunds asked about {STUCK_AFTER} times or more.", value=figures.refunds_stuck
        )
        refused = GaugeMetricFamily("notify_rejected", "Refused callbacks, by reason.", labels=["reason"])
        for reason, count in figures.refused.items():
            refused.add_metric([reason], count)
        yield refused
        yield GaugeMetricFamily(
            "payment_account_changed_timestamp_seconds",
            "When a published document last changed whom buyers pay or whose word is believed; 0 never.",
            value=figures.account_changed,
        )
