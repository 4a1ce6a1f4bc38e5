"""The Django app `payment`."""

from django.apps import AppConfig


class PaymentConfig(AppConfig):
    """Attempts, refunds, the ledger."""

    name = "payment"
    verbose_name = "Payments"
