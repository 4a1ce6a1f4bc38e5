"""Where risk control is found. The gateway never routes the internal block."""

from common.web.urls import both
from security import views

public = [
    *both("api/security/risk-assessment/", views.RiskAssessmentAPIView.as_view(), "security-risk-assessment"),
    *both("api/security/fraud-detection/", views.FraudDetectionAPIView.as_view(), "security-fraud-detection"),
    *both("api/security/policies/", views.SecurityPolicyListAPIView.as_view(), "security-policies"),
]

admin = [
    *both(
        "api/security/policies/update/",
        views.SecurityPolicyUpdateAPIView.as_view(),
        "security-policies-update",
    ),
    *both("api/security/assessments/", views.AssessmentListAPIView.as_view(), "security-assessments"),
    *both(
        "api/security/assessments/<uuid:assessment_uuid>/decide/",
        views.AssessmentDecideAPIView.as_view(),
        "security-assessment-decide",
    ),
]

internal = [
    *both("api/internal/risk/evaluate/", views.RiskEvaluateAPIView.as_view(), "risk-evaluate"),
]

urlpatterns = [*public, *admin, *internal]
