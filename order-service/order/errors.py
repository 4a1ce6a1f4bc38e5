"""What an order can refuse, as facts. Codes 5xxx, stable for ever.

SuiteError
├── NotFound
│   └── OrderNotFound 5001            no such order, or not yours: they look the same
├── Conflict
│   ├── PriceChanged 5005             the client showed another price than the seller asks
│   ├── StockShort 5004               fewer units than wanted
│   ├── ProductNotOnSale 5003
│   ├── StockUnknown 5013             an operator must decide what the neighbour's stock is
│   ├── OwnProduct 5007               a seller may not buy from himself
│   ├── RefundRefused 5012            a paid order's cancellation ended without a refund
│   └── PaymentNotCreated 5015
├── StateConflict
│   ├── OrderStateConflict 5002       the order is not in a state that allows it
│   ├── OrderNotEditable 5008         address and remark change while payment is pending
│   ├── OrderNotPayable 5009          paid, cancelled, being cancelled or expired
│   ├── OrderAlreadyShipped 5010      what has left cannot be cancelled, only refunded
│   ├── OrderNotShipped 5011          receipt is confirmed after shipping
│   └── OrderNotFinal 5016            only finished orders can be hidden
├── InvalidInput
│   ├── ProductNotFound 5006
│   ├── SellerMismatch 5017           the goods belong to another seller
│   └── TrackingNumberInvalid 5018
├── ShopClosed 5019                   an operator takes no new orders now
└── PermissionRefused
    └── PaymentDeclined 5014          risk control declined
"""

from common.errors import Conflict, InvalidInput, NotFound, PermissionRefused, StateConflict, SuiteError


class OrderNotFound(NotFound):
    code, status, zh, en = 5001, 404, "订单不存在", "There is no such order."


class OrderStateConflict(StateConflict):
    code, status, zh, en = 5002, 409, "订单当前状态不允许此操作", "The order's state does not allow this."


class ProductNotOnSale(Conflict):
    code, status, zh, en = 5003, 409, "商品未在售", "The product is not on sale."


class StockShort(Conflict):
    code, status, zh, en = 5004, 409, "商品库存不足", "There are not enough units in stock."


class PriceChanged(Conflict):
    code, status, zh, en = (
        5005,
        409,
        "商品价格已变动，请确认后重新下单",
        "The price has changed; please look again.",
    )


class ProductNotFound(InvalidInput):
    code, status, zh, en = 5006, 400, "商品不存在", "There is no such product."


class OwnProduct(Conflict):
    code, status, zh, en = 5007, 409, "不能购买自己的商品", "You cannot buy your own product."


class OrderNotEditable(StateConflict):
    code, status, zh, en = (
        5008,
        409,
        "只有待付款订单可以修改",
        "Only an order that awaits payment can be changed.",
    )


class OrderNotPayable(StateConflict):
    code, status, zh, en = 5009, 409, "订单当前不可支付", "The order cannot be paid now."


class OrderAlreadyShipped(StateConflict):
    code, status, zh, en = (
        5010,
        409,
        "订单已发货，不能取消，请申请退款",
        "The order has been shipped; ask for a refund.",
    )


class OrderNotShipped(StateConflict):
    code, status, zh, en = 5011, 409, "订单尚未发货，不能确认收货", "The order has not been shipped yet."


class RefundRefused(Conflict):
    code, status, zh, en = (
        5012,
        409,
        "退款未成功，订单未取消",
        "The refund failed; the order was not cancelled.",
    )


class StockUnknown(Conflict):
    code, status, zh, en = (
        5013,
        409,
        "商品库存核实中，暂不可购买",
        "The stock of this product is being verified.",
    )


class PaymentDeclined(PermissionRefused):
    code, status, zh, en = 5014, 403, "支付被风控拒绝", "Risk control declined the payment."


class PaymentNotCreated(Conflict):
    code, status, zh, en = 5015, 409, "支付创建失败", "The payment could not be created."


class OrderNotFinal(StateConflict):
    code, status, zh, en = (
        5016,
        409,
        "未完结的订单不能删除",
        "Only a finished order can be removed from your list.",
    )


class SellerMismatch(InvalidInput):
    code, status, zh, en = 5017, 400, "商品不属于该卖家", "The product belongs to another seller."


class TrackingNumberInvalid(InvalidInput):
    code, status, zh, en = 5018, 400, "运单号无效", "The tracking number is not valid."


class ShopClosed(SuiteError):
    """ORDER_ACCEPTING is false. What is under way goes on."""

    code, status, retryable = 5019, 503, True
    zh, en = "商城暂停接单，请稍后再试", "The shop takes no new orders at the moment; try again later."
