"""How the gateway says no.

GatewayRefusal   the request itself is bad (40001, 40002): answered without a signature
BusinessFailure  the request is fine, the trade is not (40004 ACQ.*): answered signed
"""


class GatewayRefusal(Exception):
    MESSAGES = {"40001": "Missing Required Arguments", "40002": "Invalid Arguments"}

    def __init__(self, code: str, sub_code: str, sub_msg: str) -> None:
        super().__init__(sub_code)
        self.code = code
        self.sub_code = sub_code
        self.sub_msg = sub_msg

    @property
    def msg(self) -> str:
        return self.MESSAGES[self.code]


class BusinessFailure(Exception):
    """`extra` are fields Alipay answers beside the error (a query of an unknown trade has some)."""

    MESSAGES = {
        "ACQ.TRADE_NOT_EXIST": "交易不存在",
        "ACQ.TRADE_STATUS_ERROR": "交易状态不合法",
        "ACQ.TRADE_HAS_SUCCESS": "交易已被支付",
        "ACQ.TRADE_HAS_CLOSE": "交易已经关闭",
        "ACQ.TRADE_HAS_FINISHED": "交易已经完结",
        "ACQ.CONTEXT_INCONSISTENT": "交易信息被篡改",
        "ACQ.INVALID_PARAMETER": "参数无效",
        "ACQ.REFUND_AMT_NOT_EQUAL_TOTAL": "退款金额不等于订单金额",
        "ACQ.REASON_TRADE_REFUND_FEE_ERR": "退款金额无效",
        "ACQ.DISCORDANT_REPEAT_REQUEST": "不一致的请求",
        "ACQ.SELLER_BALANCE_NOT_ENOUGH": "卖家余额不足",
        "ACQ.SYSTEM_ERROR": "系统错误",
        "isp.bill_not_exist": "账单不存在",
    }

    def __init__(self, sub_code: str, sub_msg: str = "", **extra: str) -> None:
        super().__init__(sub_code)
        self.sub_code = sub_code
        self.sub_msg = sub_msg or self.MESSAGES.get(sub_code, "业务处理失败")
        self.extra = extra
