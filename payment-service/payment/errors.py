"""What can go wrong with money, one class per fact (codes 6001-6999).

SuiteError
├── PaymentNotFound        6001/404   no such payment, or not yours
├── PaymentStateConflict   6002/409   the payment's status does not allow it (data.status says which it is)
├── PaymentAmountMismatch  6003/422   the caller's amount is not the order's
├── RiskRefused            6004/403   risk control declined the payment
├── RefundExceedsPayment   6005/422   more than what is left of the payment
├── ProviderFailed         6006/502   the provider said no, finally
├── ProviderUnknown        6007/503   no answer we may believe: outcome UNKNOWN, ask again
├── MethodUnavailable      6008/422   a way of paying that is not offered
├── OrderNotPayable        6009/409   the order is not waiting for money
├── RefundNotFound         6010/404   no such refund, or not yours
├── RefundStateConflict    6011/409   the refund was decided already
├── RefundInProgress       6012/409   one wish for a refund at a time
├── ReturnUrlRefused       6013/400   returnUrl is not on the allow-list
├── NotifyUrlRefused       6014/400   notifyUrl is not on the allow-list
└── CallbackRefused        6015/400   a callback that proves nothing
"""

from __future__ import annotations

from typing import Any

from common.errors import SuiteError


class PaymentNotFound(SuiteError):
    code, status = 6001, 404
    zh, en = "支付记录不存在", "No such payment."


class PaymentStateConflict(SuiteError):
    code, status = 6002, 409
    zh, en = "支付状态不允许该操作", "The payment's status does not allow this."


class PaymentAmountMismatch(SuiteError):
    code, status = 6003, 422
    zh, en = "支付金额验证失败", "The amount is not the order's amount."


class RiskRefused(SuiteError):
    code, status = 6004, 403
    zh, en = "支付风控检查不通过", "Risk control declined this payment."


class RefundExceedsPayment(SuiteError):
    code, status = 6005, 422
    zh, en = "退款金额超出支付金额", "The refund exceeds what is left of the payment."


class ProviderFailed(SuiteError):
    """The provider's final no. `reason` is its own code, for logs and operators."""

    code, status = 6006, 502
    zh, en = "支付宝接口调用失败:{reason}", "Alipay refused the call: {reason}."


class ProviderUnknown(SuiteError):
    """Timeout, 20000, ACQ.SYSTEM_ERROR, a broken signature: nothing may be concluded; ask again."""

    code, status, retryable = 6007, 503, True
    zh, en = "支付渠道暂无明确结果,请稍后再试", "The provider gave no clear result; try again shortly."

    def __init__(self, *, retry_after: int | None = 5, **rest: Any) -> None:
        super().__init__(retry_after=retry_after, **rest)


class MethodUnavailable(SuiteError):
    code, status = 6008, 422
    zh, en = "支付方式 {method} 暂不可用", "Payment method {method} is not available yet."


class OrderNotPayable(SuiteError):
    code, status = 6009, 409
    zh, en = "订单当前状态不可支付", "The order is not waiting for payment."


class RefundNotFound(SuiteError):
    code, status = 6010, 404
    zh, en = "退款记录不存在", "No such refund."


class RefundStateConflict(SuiteError):
    code, status = 6011, 409
    zh, en = "退款状态不允许该操作", "The refund's status does not allow this."


class RefundInProgress(SuiteError):
    code, status = 6012, 409
    zh, en = "该支付已有退款申请在处理中", "A refund of this payment is already being handled."


class ReturnUrlRefused(SuiteError):
    code, status = 6013, 400
    zh, en = "returnUrl 不在允许列表中", "returnUrl is not on the allow-list."


class NotifyUrlRefused(SuiteError):
    code, status = 6014, 400
    zh, en = "notifyUrl 不在允许列表中", "notifyUrl is not on the allow-list."


class CallbackRefused(SuiteError):
    """An unsigned, foreign or contradictory callback. `reason` names the check that failed."""

    code, status = 6015, 400
    zh, en = "支付回调验证失败", "The payment callback could not be verified."
