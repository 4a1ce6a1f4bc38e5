"""What differs from the settings all services share: the app and where its plumbing lives."""

from pathlib import Path

# Before Django configures logging: importing the SDK closes every log handler there is.
import alipay  # noqa: F401

from common.django_settings import service_settings

BASE_DIR = Path(__file__).resolve().parent.parent

globals().update(
    service_settings(
        "PaymentService",
        base_dir=BASE_DIR,
        apps=["payment"],
        models={
            "outbox": "payment.PaymentOutbox",
            "inbox": "payment.PaymentInbox",
            "idempotency": "payment.PaymentIdempotencyKey",
            "saga": "payment.PaymentSaga",
            "lease": "payment.PaymentLease",
            "config_change": "payment.PaymentConfigChange",
        },
        event_routes="payment.events.ROUTES",
        jobs="payment.jobs",
        sagas="payment.sagas",
        outside={"Client": "payment.sagas.webhook.ClientTransport"},
    )
)
CFMP_INVARIANTS = "payment.services.audit.check"
