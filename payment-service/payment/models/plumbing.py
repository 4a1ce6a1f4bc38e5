"""The tables behind common's outbox, inbox, idempotency, sagas, leases and histories.

Made concrete here, with this service's own migrations: three deploys never share a migration history.
"""

from __future__ import annotations

from common.config_audit.models import ConfigChangeBase
from common.idempotency.models import IdempotencyKeyBase
from common.leases.models import LeaseBase
from common.outbox.models import InboxBase, OutboxBase
from common.sagas.models import SagaBase
from common.transactions import TransitionBase


class PaymentTransition(TransitionBase):
    """Who moved a payment or a refund, when, why."""

    class Meta(TransitionBase.Meta):
        abstract = False
        db_table = "payment_transition"


class PaymentOutbox(OutboxBase):
    """Events on their way out."""

    class Meta(OutboxBase.Meta):
        abstract = False
        db_table = "payment_outbox"
        verbose_name_plural = "payment outbox"


class PaymentInbox(InboxBase):
    """Events already taken in."""

    class Meta(InboxBase.Meta):
        abstract = False
        db_table = "payment_inbox"
        verbose_name_plural = "payment inbox"


class PaymentIdempotencyKey(IdempotencyKeyBase):
    """Callers' keys and the first answers."""

    class Meta(IdempotencyKeyBase.Meta):
        abstract = False
        db_table = "payment_idempotency_key"


class PaymentSaga(SagaBase):
    """Flows under way."""

    class Meta(SagaBase.Meta):
        abstract = False
        db_table = "payment_saga"


class PaymentLease(LeaseBase):
    """Named locks that make waiting polite."""

    class Meta(LeaseBase.Meta):
        abstract = False
        db_table = "payment_lease"


class PaymentConfigChange(ConfigChangeBase):
    """Published changes of live settings."""

    class Meta(ConfigChangeBase.Meta):
        abstract = False
        db_table = "payment_config_change"
