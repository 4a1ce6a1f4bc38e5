"""The saga's row, abstract: each service makes it concrete. Running it is in `runner`, what it may do in
`definition`.
"""

from enum import IntEnum

from django.core.serializers.json import DjangoJSONEncoder
from django.db import models

from common import clock
from common.ids import new_id, new_uuid


class SagaState(IntEnum):
    """RUNNING does steps upwards, COMPENSATING undoes them downwards; the other three rest."""

    RUNNING = 0
    COMPENSATING = 1
    DONE = 2
    COMPENSATED = 3
    PARKED = 4

    @property
    def label(self) -> str:
        return self.name.lower()


CHOICES = [(state.value, state.label) for state in SagaState]


class SagaBase(models.Model):
    """One run of one definition. `step` is the index of the step to do next (or, compensating, to undo
    next).
    """

    id = models.BigIntegerField(primary_key=True, default=new_id, editable=False)
    uuid = models.UUIDField(default=new_uuid, unique=True, editable=False)
    name = models.CharField(max_length=60)
    definition_version = models.PositiveSmallIntegerField()
    key = models.CharField(max_length=150)
    entity_uuid = models.UUIDField(db_index=True)

    state = models.SmallIntegerField(choices=CHOICES, default=SagaState.RUNNING)
    parked_from = models.SmallIntegerField(choices=CHOICES, null=True, blank=True)
    step = models.PositiveSmallIntegerField(default=0)
    step_since = models.DateTimeField(default=clock.now)
    # the current step may have happened although nobody heard so: a time-out, or a run that died inside it
    uncertain = models.BooleanField(default=False)
    context = models.JSONField(encoder=DjangoJSONEncoder, default=dict)
    error = models.JSONField(encoder=DjangoJSONEncoder, null=True, blank=True)

    attempts = models.PositiveIntegerField(default=0)
    next_at = models.DateTimeField(default=clock.now)
    lease_owner = models.CharField(max_length=64, blank=True, default="")
    lease_until = models.DateTimeField(null=True, blank=True)
    fence = models.BigIntegerField(default=1)
    last_error = models.CharField(max_length=500, blank=True, default="")

    actor = models.CharField(max_length=80, blank=True, default="")
    language = models.CharField(max_length=8, blank=True, default="zh")
    request_id = models.CharField(max_length=128, blank=True, default="")
    traceparent = models.CharField(max_length=64, blank=True, default="")
    created_at = models.DateTimeField(default=clock.now)
    updated_at = models.DateTimeField(default=clock.now)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        abstract = True
        indexes = [models.Index(fields=["state", "next_at"], name="%(app_label)s_saga_due")]
        constraints = [models.UniqueConstraint(fields=["name", "key"], name="%(app_label)s_saga_once")]

    def __str__(self) -> str:
        state = SagaState(self.state).label
        return f"{self.name} v{self.definition_version} {self.uuid} ({state} at {self.step})"
