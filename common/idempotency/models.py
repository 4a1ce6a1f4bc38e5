"""The idempotency key's row, abstract: each service makes it concrete. What happens to it is in
`decorator`.
"""

from django.db import models

from common import clock
from common.ids import new_id
from common.pii import EncryptedTextField


class IdempotencyKeyBase(models.Model):
    """One `Idempotency-Key` of one caller on one path.

    `digest` is of caller, method, path and key, so that a key means nothing to anybody else.
    `resource_uuid` commits with the business row; `answer` (ciphertext) is what was first said, when it
    may be kept.
    """

    id = models.BigIntegerField(primary_key=True, default=new_id, editable=False)
    digest = models.CharField(max_length=64, unique=True)
    body_digest = models.CharField(max_length=64)
    fence = models.BigIntegerField(default=1)
    lease_until = models.DateTimeField()
    resource_type = models.CharField(max_length=60, blank=True, default="")
    resource_uuid = models.UUIDField(null=True, blank=True)
    answer_status = models.PositiveSmallIntegerField(null=True, blank=True)
    answer = EncryptedTextField(null=True, blank=True)
    created_at = models.DateTimeField(default=clock.now)
    expires_at = models.DateTimeField()

    class Meta:
        abstract = True
        indexes = [models.Index(fields=["expires_at"], name="%(app_label)s_idempotency_age")]

    def __str__(self) -> str:
        return f"{self.resource_type or 'unbound'} {self.resource_uuid or ''} ({self.answer_status})"
