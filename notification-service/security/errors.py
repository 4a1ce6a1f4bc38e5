"""What risk control can refuse, as facts. Codes 9xxx, stable for ever.

SuiteError
├── NotFound
│   ├── AssessmentNotFound 9001       no such assessment, order or payment, or not yours: they look the same
│   └── PolicyNotFound 9004
├── StateConflict
│   └── AssessmentNotOpen 9002        decided already, or there was nothing to decide
├── Conflict
│   └── AssessmentMismatch 9003       the payment was evaluated before with other facts
└── PermissionRefused
    └── OwnCase 9005                  nobody reviews a payment of their own
"""

from common.errors import Conflict, NotFound, PermissionRefused, StateConflict


class AssessmentNotFound(NotFound):
    code, status, zh, en = 9001, 404, "风险评估记录不存在", "There is no such assessment."


class AssessmentNotOpen(StateConflict):
    code, status, zh, en = (
        9002,
        409,
        "该评估已处理或无需处理",
        "The assessment is decided or needs no decision.",
    )


class AssessmentMismatch(Conflict):
    code, status, zh, en = 9003, 409, "该支付已按不同参数评估", "The payment was evaluated with other facts."


class PolicyNotFound(NotFound):
    code, status, zh, en = 9004, 404, "安全策略不存在", "There is no such policy."


class OwnCase(PermissionRefused):
    code, status, zh, en = 9005, 403, "不能审核自己的支付", "You may not review a payment of your own."
