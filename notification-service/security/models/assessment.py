"""One decision row per attempt to pay, what is remembered per user, and the history of cases."""

from uuid import UUID

from django.db import models

from common import clock, ids
from common.transactions import TransitionBase
from security.states import CaseState, Outcome


class RiskAssessment(models.Model):
    """What the rules said of one payment, and what a reviewer said after them.

    The outcome is never rewritten.
    """

    id = models.BigIntegerField(primary_key=True, default=ids.new_id, editable=False)
    assessment_uuid = models.UUIDField(unique=True, default=ids.new_uuid, editable=False)
    # One evaluation per payment: this index is what makes evaluating idempotent.
    payment_uuid = models.UUIDField(unique=True)
    order_uuid = models.UUIDField()
    user_uuid = models.UUIDField()
    amount = models.DecimalField(max_digits=12, decimal_places=2)
    payment_method = models.CharField(max_length=20, blank=True, default="")
    client_ip = models.GenericIPAddressField(null=True, blank=True)
    address_index = models.CharField(max_length=128, blank=True, default="")

    outcome = models.SmallIntegerField(choices=[(o.value, o.name.lower()) for o in Outcome])
    score = models.PositiveSmallIntegerField(default=0)
    # [{code, policy_id, severity, score}]: the sentences are made when read.
    reasons = models.JSONField(default=list)

    case_state = models.SmallIntegerField(
        choices=[(s.value, s.name.lower()) for s in CaseState], default=CaseState.NONE
    )
    decided_by = models.CharField(max_length=80, blank=True, default="")
    decided_at = models.DateTimeField(null=True, blank=True)
    decision_reason = models.CharField(max_length=255, blank=True, default="")
    version = models.PositiveIntegerField(default=1)
    created_at = models.DateTimeField(default=clock.now)
    updated_at = models.DateTimeField(default=clock.now)

    class Meta:
        db_table = "risk_assessment"
        indexes = [
            # Velocity: one user's attempts within the longest window.
            models.Index(fields=["user_uuid", "created_at"], name="risk_user_created"),
            # The reviewers' queue.
            models.Index(fields=["case_state", "created_at"], name="risk_case_created"),
            models.Index(fields=["order_uuid"], name="risk_order"),
        ]

    def __str__(self) -> str:
        return (
            f"{Outcome(self.outcome).name.lower()} {self.amount} ({CaseState(self.case_state).name.lower()})"
        )

    @property
    def entity_uuid(self) -> UUID:
        """What history rows call it."""
        return self.assessment_uuid


class RiskTransition(TransitionBase):
    """Every move of a case: opened by the rules, released or stopped by a person."""

    class Meta(TransitionBase.Meta):
        abstract = False
        db_table = "risk_transition"


class RiskProfile(models.Model):
    """One user as risk control knows them.

    Its `attempts` counter is what makes a user's evaluations queue up:
    each adds one before it counts, so two at once cannot both overlook the other, on any database.
    """

    user_uuid = models.UUIDField(primary_key=True)
    attempts = models.PositiveIntegerField(default=0)
    account_created_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=clock.now)
    updated_at = models.DateTimeField(default=clock.now)

    class Meta:
        db_table = "risk_profile"

    def __str__(self) -> str:
        return f"{self.user_uuid}: {self.attempts}"
