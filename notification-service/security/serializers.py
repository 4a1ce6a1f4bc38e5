"""Wire shapes of risk control, in and out."""

from collections.abc import Mapping, Sequence
from typing import Any

from rest_framework import serializers

from common.web.fields import AmountField
from security.models import RiskAssessment, SecurityPolicy
from security.rules import SENTENCES
from security.services.decide import DECISIONS
from security.states import CASE_STATES, OUTCOMES, CaseState, Outcome, SecurityLevel

# What the published client shows, by outcome.
RISK_LEVELS = {
    Outcome.NOT_EVALUATED: "low",
    Outcome.APPROVE: "low",
    Outcome.REVIEW: "medium",
    Outcome.BLOCK_AND_REVIEW: "high",
    Outcome.DECLINE: "critical",
}
RECOMMENDATIONS = {
    Outcome.NOT_EVALUATED: ("未启用风险评估", "Risk evaluation is switched off"),
    Outcome.APPROVE: ("风险较低，可以继续支付", "Low risk, the payment may go on"),
    Outcome.REVIEW: ("存在一定风险，支付将被复核", "Some risk, the payment will be looked at"),
    Outcome.BLOCK_AND_REVIEW: ("风险较高，支付需人工审核后继续", "High risk, the payment waits for a review"),
    Outcome.DECLINE: ("风险过高，支付将被拒绝", "The risk is too high, the payment will be declined"),
}
RESTRICTED = frozenset({Outcome.BLOCK_AND_REVIEW, Outcome.DECLINE})


class EvaluateSerializer(serializers.Serializer):
    """What the payment service knows of an attempt to pay."""

    payment_uuid = serializers.UUIDField()
    order_uuid = serializers.UUIDField()
    user_uuid = serializers.UUIDField()
    amount = AmountField()
    payment_method = serializers.CharField(max_length=20, required=False, allow_blank=True, default="")
    client_ip = serializers.IPAddressField(required=False, allow_null=True, default=None)
    address_index = serializers.CharField(
        max_length=128, required=False, allow_null=True, allow_blank=True, default=None
    )


class ReasonSerializer(serializers.Serializer):
    code = serializers.CharField()
    description = serializers.CharField()
    severity = serializers.CharField()


class EvaluatedSerializer(serializers.Serializer):
    assessment_uuid = serializers.UUIDField()
    outcome = serializers.ChoiceField(choices=list(OUTCOMES))
    score = serializers.IntegerField()
    reasons = ReasonSerializer(many=True)


class QuestionSerializer(serializers.Serializer):
    """What a client asks about: its own order or payment, or just an amount."""

    order_uuid = serializers.UUIDField(required=False, allow_null=True, default=None)
    payment_uuid = serializers.UUIDField(required=False, allow_null=True, default=None)
    amount = AmountField(required=False, allow_null=True, default=None)


class FactorSerializer(serializers.Serializer):
    factor_type = serializers.CharField()
    factor_description = serializers.CharField()
    severity = serializers.CharField()


class RiskReportSerializer(serializers.Serializer):
    risk_level = serializers.ChoiceField(choices=sorted(set(RISK_LEVELS.values())))
    risk_factors = FactorSerializer(many=True)
    recommendation = serializers.CharField()


class FraudReportSerializer(serializers.Serializer):
    fraud_score = serializers.IntegerField()
    fraud_detected = serializers.BooleanField()
    fraud_types = serializers.ListField(child=serializers.CharField())
    action_recommended = serializers.ChoiceField(choices=list(OUTCOMES))


class PolicySerializer(serializers.Serializer):
    policy_id = serializers.IntegerField()
    policy_name = serializers.CharField()
    policy_description = serializers.CharField()
    is_enabled = serializers.BooleanField()
    severity = serializers.CharField()


class PoliciesSerializer(serializers.Serializer):
    security_level = serializers.ChoiceField(choices=list(SecurityLevel))
    policies = PolicySerializer(many=True)


class PolicySwitchSerializer(serializers.Serializer):
    policy_id = serializers.IntegerField(min_value=1, max_value=2**31 - 1)
    is_enabled = serializers.BooleanField(required=False)
    parameters = serializers.DictField(required=False)


class PoliciesSwitchSerializer(serializers.Serializer):
    security_level = serializers.ChoiceField(choices=list(SecurityLevel), required=False)
    policies = PolicySwitchSerializer(many=True, required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if not attrs:
            raise serializers.ValidationError({"body": ["security_level, policies"]})
        return attrs


class DecisionSerializer(serializers.Serializer):
    decision = serializers.ChoiceField(choices=DECISIONS)
    reason = serializers.CharField(max_length=255)


class AssessmentSerializer(serializers.Serializer):
    """One assessment as reviewers see it."""

    assessment_uuid = serializers.UUIDField()
    payment_uuid = serializers.UUIDField()
    order_uuid = serializers.UUIDField()
    user_uuid = serializers.UUIDField()
    amount = serializers.CharField()
    payment_method = serializers.CharField()
    outcome = serializers.ChoiceField(choices=list(OUTCOMES))
    score = serializers.IntegerField()
    reasons = ReasonSerializer(many=True)
    state = serializers.ChoiceField(choices=list(CASE_STATES))
    decision = serializers.CharField(allow_null=True)
    decided_by = serializers.CharField(allow_null=True)
    decided_at = serializers.DateTimeField(allow_null=True)
    decision_reason = serializers.CharField(allow_null=True)
    created_at = serializers.DateTimeField()


class AssessmentQuerySerializer(serializers.Serializer):
    """Filters of the reviewers' list."""

    outcome = serializers.ChoiceField(choices=list(OUTCOMES), required=False)
    state = serializers.ChoiceField(choices=list(CASE_STATES), required=False)
    user_uuid = serializers.UUIDField(required=False)
    order_uuid = serializers.UUIDField(required=False)


Reasons = Sequence[Mapping[str, Any]]
_DECISIONS = {CaseState.RELEASED: "release", CaseState.STOPPED: "stop"}


def sentence(code: str, language: str) -> str:
    """A reason in the reader's language; it names no threshold."""
    zh, en = SENTENCES.get(code, (code, code))
    return en if language == "en" else zh


def reasons_shown(reasons: Reasons, language: str) -> list[dict[str, str]]:
    return [
        {"code": r["code"], "description": sentence(r["code"], language), "severity": r["severity"]}
        for r in reasons
    ]


def evaluated(assessment: RiskAssessment, language: str) -> dict[str, Any]:
    return {
        "assessment_uuid": assessment.assessment_uuid,
        "outcome": Outcome(assessment.outcome).name.lower(),
        "score": assessment.score,
        "reasons": reasons_shown(assessment.reasons, language),
    }


def risk_report(outcome: Outcome, reasons: Reasons, language: str) -> dict[str, Any]:
    zh, en = RECOMMENDATIONS[outcome]
    factors = [
        {
            "factor_type": r["code"],
            "factor_description": sentence(r["code"], language),
            "severity": r["severity"],
        }
        for r in reasons
    ]
    return {
        "risk_level": RISK_LEVELS[outcome],
        "risk_factors": factors,
        "recommendation": en if language == "en" else zh,
    }


def fraud_report(outcome: Outcome, score: int, reasons: Reasons) -> dict[str, Any]:
    return {
        "fraud_score": score,
        "fraud_detected": outcome in RESTRICTED,
        "fraud_types": list(dict.fromkeys(r["code"] for r in reasons)),
        "action_recommended": outcome.name.lower(),
    }


def policy_shown(policy: SecurityPolicy, language: str) -> dict[str, Any]:
    """A policy without its thresholds: those are for the admin pages."""
    return {
        "policy_id": policy.policy_id,
        "policy_name": policy.name_in(language),
        "policy_description": policy.description_in(language),
        "is_enabled": policy.is_enabled,
        "severity": policy.severity,
    }


def assessment_shown(row: Mapping[str, Any], language: str) -> dict[str, Any]:
    """A row of the selectors as reviewers see it."""
    plain = (
        "assessment_uuid",
        "payment_uuid",
        "order_uuid",
        "user_uuid",
        "amount",
        "payment_method",
        "score",
    )
    state = CaseState(row["case_state"])
    return {
        **{name: row[name] for name in plain},
        "outcome": Outcome(row["outcome"]).name.lower(),
        "reasons": reasons_shown(row["reasons"], language),
        "state": state.name.lower(),
        "decision": _DECISIONS.get(state),
        "decided_by": row["decided_by"] or None,
        "decided_at": row["decided_at"],
        "decision_reason": row["decision_reason"] or None,
        "created_at": row["created_at"],
    }
