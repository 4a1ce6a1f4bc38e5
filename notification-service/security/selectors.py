"""What risk control knows: policies, facts about a user, assessments. Whose they are is asked here."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db.models import (
    Aggregate,
    Case,
    Count,
    F,
    IntegerField,
    Max,
    Q,
    QuerySet,
    Subquery,
    Sum,
    Value,
    When,
)

from common import clock
from security.errors import AssessmentNotFound
from security.models import BlockEntry, RiskAssessment, RiskProfile, SecurityPolicy, SecurityPosture
from security.rules import Attempts, Facts, Rule, tallies_of
from security.states import BlockKind, CaseState, Outcome, SecurityLevel

# An order lives half an hour; its earlier attempts are looked for this far back at least.
SHORTEST_LOOK_BACK = 24 * 3600
COLUMNS = (
    "assessment_uuid",
    "payment_uuid",
    "order_uuid",
    "user_uuid",
    "amount",
    "payment_method",
    "outcome",
    "score",
    "reasons",
    "case_state",
    "decided_by",
    "decided_at",
    "decision_reason",
    "created_at",
)


@dataclass(frozen=True, slots=True)
class Attempt:
    """Whose attempt to pay what, from where.

    `order_uuid` is None when somebody only asks what would happen.
    """

    user_uuid: UUID
    amount: Decimal
    order_uuid: UUID | None = None
    client_ip: str = ""
    address_index: str = ""
    account_created_at: datetime | None = None


def rules_in_force() -> tuple[list[Rule], SecurityLevel]:
    """The enabled policies and the shop's level, by one query."""
    level = SecurityPosture.objects.values("security_level")[:1]
    rows = list(SecurityPolicy.objects.filter(is_enabled=True).annotate(level=Subquery(level)))
    # Nothing is in force: then no score can ask for anything either.
    named = rows[0].level if rows else None  # type: ignore[attr-defined]
    return [row.rule() for row in rows], SecurityLevel(named or SecurityLevel.MEDIUM)


def facts_of(attempt: Attempt, rules: Sequence[Rule]) -> Facts:
    """What the rules may know of `attempt`, by two queries whatever the number of rules."""
    tallies = tallies_of(rules)
    history = _history(attempt, tallies)
    return Facts(
        amount=attempt.amount,
        account_age=clock.now() - attempt.account_created_at if attempt.account_created_at else None,
        blocked=_blocked(attempt),
        attempts={window: _attempts(history, window) for window, _ in tallies},
        standing=Outcome(history["standing"] or 0),
    )


def _blocked(attempt: Attempt) -> frozenset[BlockKind]:
    named = Q(kind=BlockKind.USER, value=str(attempt.user_uuid))
    if attempt.address_index:
        named |= Q(kind=BlockKind.ADDRESS, value=attempt.address_index.lower())
    if attempt.client_ip:
        named |= Q(kind=BlockKind.IP, value=BlockEntry.spelled(BlockKind.IP, attempt.client_ip))
    living = Q(expires_at=None) | Q(expires_at__gt=clock.now())
    return frozenset(
        BlockKind(kind) for kind in BlockEntry.objects.filter(named, living).values_list("kind", flat=True)
    )


def _history(attempt: Attempt, tallies: Sequence[tuple[int, str]]) -> Mapping[str, Any]:
    """One pass over the user's recent attempts: what the rules count, and what stands against the order."""
    now = clock.now()
    wanted: dict[str, Aggregate] = {"standing": _standing(attempt.order_uuid)}
    for window, what in tallies:
        recent = Q(created_at__gte=now - timedelta(seconds=window))
        wanted[f"{what}_{window}"] = _tally(what, recent)
    oldest = now - timedelta(seconds=max([SHORTEST_LOOK_BACK, *(window for window, _ in tallies)]))
    rows = RiskAssessment.objects.filter(user_uuid=attempt.user_uuid, created_at__gte=oldest)
    return rows.aggregate(**wanted)


def _tally(what: str, recent: Q) -> Aggregate:
    stopped = Q(outcome=Outcome.DECLINE) | Q(case_state=CaseState.STOPPED)
    if what == "amount":
        return Sum("amount", filter=recent & ~stopped)
    return Count("id", filter=recent & stopped if what == "declined" else recent)


def _standing(order_uuid: UUID | None) -> Aggregate:
    this_order = Q(order_uuid=order_uuid) if order_uuid else Q(pk=None)
    return Max(
        Case(
            When(this_order & Q(case_state=CaseState.STOPPED), then=Value(int(Outcome.DECLINE))),
            When(this_order & ~Q(case_state=CaseState.RELEASED), then=F("outcome")),
            default=Value(0),
            output_field=IntegerField(),
        )
    )


def _attempts(history: Mapping[str, Any], window: int) -> Attempts:
    counted = {what: history.get(f"{what}_{window}") for what in ("count", "amount", "declined")}
    return Attempts(**{what: value for what, value in counted.items() if value is not None})


def account_created_at(user_uuid: UUID) -> datetime | None:
    """When the user's account was opened, as far as it was ever learnt."""
    return RiskProfile.objects.filter(pk=user_uuid).values_list("account_created_at", flat=True).first()


def assessment_of_payment(payment_uuid: UUID) -> RiskAssessment | None:
    return RiskAssessment.objects.filter(payment_uuid=payment_uuid).first()


def assessment_get(assessment_uuid: UUID) -> RiskAssessment:
    """For reviewers. Raises AssessmentNotFound."""
    row = RiskAssessment.objects.filter(assessment_uuid=assessment_uuid).first()
    if row is None:
        raise AssessmentNotFound
    return row


def assessment_latest_for(
    user_uuid: UUID, *, order_uuid: UUID | None, payment_uuid: UUID | None
) -> RiskAssessment | None:
    """The user's own newest assessment of that order and payment (whichever are given)."""
    named = {"order_uuid": order_uuid, "payment_uuid": payment_uuid}
    rows = RiskAssessment.objects.filter(user_uuid=user_uuid)
    rows = rows.filter(**{field: value for field, value in named.items() if value is not None})
    return rows.order_by("-created_at", "-id").first()


def assessments(
    *,
    outcome: int | None = None,
    case_state: int | None = None,
    user_uuid: UUID | None = None,
    order_uuid: UUID | None = None,
) -> QuerySet[Any]:
    """For reviewers: everybody's assessments, newest first."""
    wanted = {"outcome": outcome, "case_state": case_state, "user_uuid": user_uuid, "order_uuid": order_uuid}
    rows = RiskAssessment.objects.filter(
        **{field: value for field, value in wanted.items() if value is not None}
    )
    return rows.order_by("-created_at", "-id").values(*COLUMNS)


def security_level() -> SecurityLevel:
    stored = SecurityPosture.objects.values_list("security_level", flat=True).first()
    return SecurityLevel(stored or SecurityLevel.MEDIUM)


def policies() -> list[SecurityPolicy]:
    return list(SecurityPolicy.objects.order_by("policy_id"))
