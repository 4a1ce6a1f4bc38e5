"""The tables of this app."""

from security.models.assessment import RiskAssessment, RiskProfile, RiskTransition
from security.models.policy import BlockEntry, PolicyChange, SecurityPolicy, SecurityPosture

__all__ = [
    "BlockEntry",
    "PolicyChange",
    "RiskAssessment",
    "RiskProfile",
    "RiskTransition",
    "SecurityPolicy",
    "SecurityPosture",
]
