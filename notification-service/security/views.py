"""The HTTP face of risk control: who calls, what they send, what they see. Decisions live below."""

from typing import Any
from uuid import UUID

from rest_framework.request import Request
from rest_framework.response import Response

from common.web.pagination import cfmp_page
from common.web.parameters import choice_parameter, uuid_parameter
from common.web.views import AdminAPIView, InternalAPIView, UserAPIView
from security import selectors, serializers
from security.sagas.evaluate import payment_evaluate
from security.selectors import Attempt
from security.services.decide import assessment_decide
from security.services.question import risk_question
from security.services.switch import policies_switch
from security.states import CASE_STATES, OUTCOMES, Outcome, SecurityLevel

OUTCOME_CHOICES = {name: outcome.value for name, outcome in OUTCOMES.items()}
STATE_CHOICES = {name: state.value for name, state in CASE_STATES.items()}


class RiskEvaluateAPIView(InternalAPIView):
    """Judge an attempt to pay (payment service only). The same payment asked again gets the same answer."""

    allowed_callers = frozenset({"PaymentService"})
    request_schema = serializers.EvaluateSerializer
    answer_schema = serializers.EvaluatedSerializer

    def post(self, request: Request) -> Response:
        body = self.body()
        attempt = Attempt(
            user_uuid=body["user_uuid"],
            amount=body["amount"],
            order_uuid=body["order_uuid"],
            client_ip=body["client_ip"] or "",
            address_index=body["address_index"] or "",
        )
        assessment = payment_evaluate(
            payment_uuid=body["payment_uuid"], attempt=attempt, payment_method=body["payment_method"]
        )
        return self.answer(serializers.evaluated(assessment, self.language))


class _QuestionAPIView(UserAPIView):
    """What risk control makes of the caller's own order, payment or amount. Asking changes nothing."""

    request_schema = {"POST": serializers.QuestionSerializer}

    def asked(self) -> tuple[Outcome, int, list[dict[str, Any]]]:
        user_uuid = self.principal.user_uuid
        assert user_uuid is not None  # the permission saw to it
        return risk_question(user_uuid=user_uuid, **self.body())


class RiskAssessmentAPIView(_QuestionAPIView):
    answer_schema = serializers.RiskReportSerializer

    def post(self, request: Request) -> Response:
        outcome, _, reasons = self.asked()
        return self.answer(serializers.risk_report(outcome, reasons, self.language))


class FraudDetectionAPIView(_QuestionAPIView):
    answer_schema = serializers.FraudReportSerializer

    def post(self, request: Request) -> Response:
        outcome, score, reasons = self.asked()
        return self.answer(serializers.fraud_report(outcome, score, reasons))


class SecurityPolicyListAPIView(UserAPIView):
    """The shop's level and its policies, without their thresholds."""

    answer_schema = serializers.PoliciesSerializer

    def get(self, request: Request) -> Response:
        return self.answer(_policies(self.language))


class SecurityPolicyUpdateAPIView(AdminAPIView):
    """Switch policies and the level: all of it or nothing."""

    request_schema = {"PUT": serializers.PoliciesSwitchSerializer}
    answer_schema = serializers.PoliciesSerializer

    def put(self, request: Request) -> Response:
        body = self.body()
        level = SecurityLevel(body["security_level"]) if "security_level" in body else None
        policies_switch(level=level, changes=body.get("policies", []), actor=self.principal.actor)
        return self.answer(_policies(self.language), message="安全策略更新成功")


class AssessmentListAPIView(AdminAPIView):
    """Assessments for reviewers, newest first."""

    answer_schema = serializers.AssessmentSerializer
    query_schema = serializers.AssessmentQuerySerializer
    answer_shape = "page"

    def get(self, request: Request) -> Response:
        rows = selectors.assessments(
            outcome=choice_parameter(request, "outcome", OUTCOME_CHOICES, default=None),  # type: ignore[type-var]
            case_state=choice_parameter(request, "state", STATE_CHOICES, default=None),  # type: ignore[type-var]
            user_uuid=uuid_parameter(request, "user_uuid"),
            order_uuid=uuid_parameter(request, "order_uuid"),
        )
        language = self.language
        return cfmp_page(
            request, rows, lambda page: [serializers.assessment_shown(row, language) for row in page]
        )


class AssessmentDecideAPIView(AdminAPIView):
    """Release or stop a held payment; the payment service hears of it by event."""

    request_schema = {"POST": serializers.DecisionSerializer}
    answer_schema = serializers.AssessmentSerializer

    def post(self, request: Request, assessment_uuid: UUID) -> Response:
        body = self.body()
        assessment = assessment_decide(assessment_uuid=assessment_uuid, actor=self.principal.actor, **body)
        row = {name: getattr(assessment, name) for name in selectors.COLUMNS}
        return self.answer(serializers.assessment_shown(row, self.language), message="审核处理成功")


def _policies(language: str) -> dict[str, Any]:
    return {
        "security_level": selectors.security_level(),
        "policies": [serializers.policy_shown(policy, language) for policy in selectors.policies()],
    }
