"""The Django app `payment`."""

from django.apps import AppConfig


class PaymentConfig(AppConfig):
    """Attempts, refunds, the ledger."""

    name = "payment"
    verbose_name = "Payments"

    def ready(self) -> None:
        from common.web import metrics
        from payment.services.figures import MoneyCollector

        metrics.asked_at_scrape.append(MoneyCollector())
