"""Common's abstract models made concrete, and a parcel with a state and an encrypted address."""

from django.db import models

from common import clock
from common.config_audit.models import ConfigChangeBase
from common.idempotency.models import IdempotencyKeyBase
from common.ids import new_id, new_uuid
from common.leases.models import LeaseBase
from common.outbox.models import InboxBase, OutboxBase
from common.pii import EncryptedTextField
from common.sagas.models import SagaBase
from common.transactions import TransitionBase


class RingOutbox(OutboxBase):
    class Meta(OutboxBase.Meta):
        db_table = "ring_outbox"


class RingInbox(InboxBase):
    class Meta(InboxBase.Meta):
        db_table = "ring_inbox"


class RingIdempotencyKey(IdempotencyKeyBase):
    class Meta(IdempotencyKeyBase.Meta):
        db_table = "ring_idempotency_key"


class RingSaga(SagaBase):
    class Meta(SagaBase.Meta):
        db_table = "ring_saga"


class RingLease(LeaseBase):
    class Meta(LeaseBase.Meta):
        db_table = "ring_lease"


class RingConfigChange(ConfigChangeBase):
    class Meta(ConfigChangeBase.Meta):
        db_table = "ring_config_change"


class Parcel(models.Model):
    """Something that is packed, sent and received."""

    id = models.BigIntegerField(primary_key=True, default=new_id)
    parcel_uuid = models.UUIDField(default=new_uuid, unique=True)
    status = models.SmallIntegerField(default=0)
    version = models.BigIntegerField(default=1)
    weight = models.IntegerField(default=0)
    address = EncryptedTextField(blank=True, default="")
    address_index = models.CharField(max_length=64, blank=True, default="", db_index=True)
    phone = EncryptedTextField(null=True)
    created_at = models.DateTimeField(default=clock.now)
    updated_at = models.DateTimeField(default=clock.now)

    class Meta:
        db_table = "ring_parcel"
        ordering = ["id"]


class ParcelTransition(TransitionBase):
    class Meta(TransitionBase.Meta):
        db_table = "ring_parcel_transition"
