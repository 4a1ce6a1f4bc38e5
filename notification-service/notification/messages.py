"""Every text this service says by itself, in Chinese and English, under one key per event and reader.

Room: plain data and its rendering. Rows store the key and the parameters; the language is chosen when a
person reads. A text is a title and clauses; a clause whose parameters are missing is left out, so that a thin
event still makes a whole sentence. A key never changes its meaning: rows of years ago are rendered by it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from string import Formatter

LONGEST_PARAMETER = 200


@dataclass(frozen=True, slots=True)
class Text:
    """One language's title and clauses, with `{parameter}` places in the clauses."""

    title: str
    clauses: tuple[str, ...]

    def render(self, params: Mapping[str, str]) -> tuple[str, str]:
        """Title and content; clauses with an absent or empty parameter are left out."""
        kept = [clause.format_map(params) for clause in self.clauses if _complete(clause, params)]
        return self.title, "".join(kept)

    def parameters(self) -> frozenset[str]:
        return frozenset(name for clause in self.clauses for name in _places(clause))


@dataclass(frozen=True, slots=True)
class Message:
    """Both languages of one message. `critical` ones reach people who muted their type: money is at stake."""

    zh: Text
    en: Text
    critical: bool = False

    def render(self, params: Mapping[str, str], language: str) -> tuple[str, str]:
        """Title and content in `language` ("zh" unless "en")."""
        return (self.en if language == "en" else self.zh).render(params)

    def parameters(self) -> frozenset[str]:
        """Names of everything either language may speak of."""
        return self.zh.parameters() | self.en.parameters()


def _places(clause: str) -> list[str]:
    return [name for _, name, _, _ in Formatter().parse(clause) if name]


def _complete(clause: str, params: Mapping[str, str]) -> bool:
    return all(params.get(name) for name in _places(clause))


def render(key: str, params: Mapping[str, str], language: str) -> tuple[str, str]:
    """Title and content of the message `key`; a key of a retired text still gives a readable line."""
    return MESSAGES.get(key, RETIRED).render(params, language)


RETIRED = Message(
    zh=Text("通知", ("订单 {order_id} 有新的动态。",)),
    en=Text("Notification", ("There is news about order {order_id}.",)),
)

MESSAGES: dict[str, Message] = {
    "order.created.buyer": Message(
        Text(
            "订单已提交",
            (
                "您的订单 {order_id} 已提交",
                "（{product_name}）",
                "，应付 ¥{total_amount}",
                "，请尽快完成支付。",
            ),
        ),
        Text(
            "Order placed",
            ("Your order {order_id}", " ({product_name})", " is placed", ", ¥{total_amount} to pay", "."),
        ),
    ),
    "order.created.seller": Message(
        Text(
            "有新订单",
            ("买家已下单 {order_id}", "（{product_name}）", "，金额 ¥{total_amount}", "，等待买家支付。"),
        ),
        Text(
            "New order",
            (
                "Order {order_id}",
                " ({product_name})",
                " over ¥{total_amount}",
                " was placed and awaits payment.",
            ),
        ),
    ),
    "order.authorized.seller": Message(
        Text("买家款项已预授权", ("订单 {order_id} 的款项", " ¥{total_amount}", "已预授权，发货后扣款。")),
        Text(
            "Payment authorised",
            ("¥{total_amount} ", "for order {order_id}", " is authorised, not yet captured."),
        ),
    ),
    "order.authorization_voided.buyer": Message(
        Text("预授权已撤销", ("订单 {order_id} 的预授权已撤销，款项未扣除。",)),
        Text("Authorisation released", ("The hold for order {order_id} was released; nothing was charged.",)),
    ),
    "order.authorization_voided.seller": Message(
        Text("预授权已撤销", ("订单 {order_id} 的预授权已撤销，请勿发货。",)),
        Text("Authorisation released", ("The hold for order {order_id} was released; do not ship it.",)),
        critical=True,
    ),
    "order.paid.buyer": Message(
        Text("订单支付成功", ("您的订单 {order_id} 已支付", " ¥{total_amount}", "，等待卖家发货。")),
        Text(
            "Order paid",
            ("Your order {order_id} is paid", " (¥{total_amount})", "; the seller will ship it."),
        ),
    ),
    "order.paid.seller": Message(
        Text(
            "买家已支付，请发货",
            ("订单 {order_id}", "（{product_name}）", "买家已支付", " ¥{total_amount}", "，请尽快发货。"),
        ),
        Text(
            "Paid, please ship",
            ("Order {order_id}", " ({product_name})", " is paid", " (¥{total_amount})", "; please ship."),
        ),
    ),
    "order.purchased.seller": Message(
        Text("订单款项已确认", ("订单 {order_id} 的款项", " ¥{total_amount}", "已最终确认。")),
        Text("Payment is final", ("The payment", " of ¥{total_amount}", " for order {order_id} is final.")),
    ),
    "order.shipped.buyer": Message(
        Text("订单已发货", ("您的订单 {order_id} 已发货", "，运单号 {tracking_no}", "。")),
        Text(
            "Order shipped", ("Your order {order_id} is on its way", ", tracking number {tracking_no}", ".")
        ),
    ),
    "order.delivered.buyer": Message(
        Text("包裹已送达", ("您的订单 {order_id} 已送达，请确认收货。",)),
        Text("Order delivered", ("Your order {order_id} has arrived; please confirm the receipt.",)),
    ),
    "order.delivered.seller": Message(
        Text("包裹已送达", ("订单 {order_id} 已送达买家，等待确认收货。",)),
        Text("Order delivered", ("Order {order_id} has reached the buyer, who may now confirm it.",)),
    ),
    "order.completed.buyer": Message(
        Text("订单已完成", ("您的订单 {order_id} 已完成，感谢您的购买。",)),
        Text("Order completed", ("Your order {order_id} is completed. Thank you for your purchase.",)),
    ),
    "order.completed.seller": Message(
        Text("订单已完成", ("订单 {order_id} 买家已确认收货，交易完成。",)),
        Text("Order completed", ("The buyer confirmed order {order_id}; the sale is completed.",)),
    ),
    "order.cancelling.buyer": Message(
        Text("订单取消处理中", ("您的订单 {order_id} 正在取消，退款处理中。",)),
        Text(
            "Cancellation in progress",
            ("Your order {order_id} is being cancelled; the refund is under way.",),
        ),
    ),
    "order.cancelling.seller": Message(
        Text("买家申请取消订单", ("订单 {order_id} 正在取消，请勿发货。",)),
        Text("Cancellation in progress", ("Order {order_id} is being cancelled; do not ship it.",)),
        critical=True,
    ),
    "order.cancel_failed.buyer": Message(
        Text("订单取消失败", ("您的订单 {order_id} 未能取消，订单继续有效。",)),
        Text("Cancellation failed", ("Your order {order_id} could not be cancelled and stays valid.",)),
        critical=True,
    ),
    "order.cancel_failed.seller": Message(
        Text("订单取消失败", ("订单 {order_id} 未能取消，订单继续有效，请正常发货。",)),
        Text("Cancellation failed", ("Order {order_id} was not cancelled and stays valid; please ship it.",)),
        critical=True,
    ),
    "order.cancelled.buyer": Message(
        Text("订单已取消", ("您的订单 {order_id} 已取消", "，原因：{reason}", "。")),
        Text("Order cancelled", ("Your order {order_id} is cancelled", ", reason: {reason}", ".")),
    ),
    "order.cancelled.seller": Message(
        Text("订单已取消", ("订单 {order_id} 已取消", "，原因：{reason}", "。库存已恢复。")),
        Text(
            "Order cancelled",
            ("Order {order_id} is cancelled", ", reason: {reason}", ". Its stock is free again."),
        ),
    ),
    "order.expired.buyer": Message(
        Text("订单已超时关闭", ("您的订单 {order_id} 超时未支付，已自动关闭。",)),
        Text("Order expired", ("Your order {order_id} was not paid in time and is closed.",)),
    ),
    "order.expired.seller": Message(
        Text("订单已超时关闭", ("订单 {order_id} 买家超时未支付，已自动关闭，库存已恢复。",)),
        Text(
            "Order expired",
            ("Order {order_id} was not paid in time and is closed; its stock is free again.",),
        ),
    ),
    "order.refunded.seller": Message(
        Text("订单已退款", ("订单 {order_id} 已向买家退款", "，累计 ¥{refunded_amount}", "。")),
        Text(
            "Order refunded",
            ("The buyer of order {order_id} was refunded", ", ¥{refunded_amount} in all", "."),
        ),
    ),
    "payment.succeeded.buyer": Message(
        Text(
            "支付成功", ("您已成功支付", " ¥{amount}", "，订单 {order_id}", "，交易号 {transaction_id}", "。")
        ),
        Text("Payment received", ("We received your payment", " of ¥{amount}", " for order {order_id}", ".")),
    ),
    "payment.authorized.buyer": Message(
        Text("支付已预授权", ("订单 {order_id} 的款项", " ¥{amount}", "已预授权，尚未扣款。")),
        Text(
            "Payment authorised", ("¥{amount} ", "for order {order_id}", " is authorised, not yet charged.")
        ),
    ),
    "payment.failed.buyer": Message(
        Text("支付失败", ("订单 {order_id} 支付失败，未扣款，请重新支付。",)),
        Text(
            "Payment failed",
            ("The payment for order {order_id} failed; nothing was charged. Please try again.",),
        ),
    ),
    "payment.closed.buyer": Message(
        Text("支付已关闭", ("订单 {order_id} 的支付已关闭，未扣款。",)),
        Text("Payment closed", ("The payment for order {order_id} is closed; nothing was charged.",)),
    ),
    "payment.succeeded_late.buyer": Message(
        Text("支付将自动退款", ("订单 {order_id} 关闭后才收到您的支付", " ¥{amount}", "，将自动原路退款。")),
        Text(
            "Payment will be refunded",
            (
                "Your payment",
                " of ¥{amount}",
                " for order {order_id}",
                " came after it was closed; we refund it.",
            ),
        ),
        critical=True,
    ),
    "payment.refund_requested.buyer": Message(
        Text("退款申请已提交", ("订单 {order_id} 的退款申请", " ¥{refund_amount}", "已提交。")),
        Text(
            "Refund requested",
            ("Your refund", " of ¥{refund_amount}", " for order {order_id} was requested."),
        ),
    ),
    "payment.refund_requested.seller": Message(
        Text("收到退款申请", ("订单 {order_id} 有退款申请", " ¥{refund_amount}", "，请处理。")),
        Text(
            "Refund requested",
            ("A refund", " of ¥{refund_amount}", " is requested for order {order_id}", "."),
        ),
        critical=True,
    ),
    "payment.refund_rejected.buyer": Message(
        Text(
            "退款申请被拒绝",
            ("订单 {order_id} 的退款申请", " ¥{refund_amount}", "被拒绝", "，原因：{reason}", "。"),
        ),
        Text(
            "Refund refused",
            (
                "The refund",
                " of ¥{refund_amount}",
                " for order {order_id} was refused",
                ", reason: {reason}",
                ".",
            ),
        ),
        critical=True,
    ),
    "payment.refund_succeeded.buyer": Message(
        Text("退款成功", ("订单 {order_id} 的退款", " ¥{refund_amount}", "已原路退回。")),
        Text(
            "Refund completed",
            ("Your refund", " of ¥{refund_amount}", " for order {order_id} is on its way back."),
        ),
    ),
    "payment.refund_failed.buyer": Message(
        Text("退款失败", ("订单 {order_id} 的退款", " ¥{refund_amount}", "未成功，我们正在处理。")),
        Text(
            "Refund failed",
            ("The refund", " of ¥{refund_amount}", " for order {order_id} failed; we look into it."),
        ),
        critical=True,
    ),
    "payment.refund_failed.seller": Message(
        Text("退款失败", ("订单 {order_id} 的退款", " ¥{refund_amount}", "未成功，平台正在处理。")),
        Text(
            "Refund failed",
            ("The refund", " of ¥{refund_amount}", " for order {order_id} failed; we look into it."),
        ),
    ),
    "risk.review_requested.buyer": Message(
        Text("支付正在审核", ("您的支付", " ¥{amount}", "正在进行安全审核，请稍候。")),
        Text(
            "Payment under review",
            ("Your payment", " of ¥{amount}", " is being checked; please wait a little."),
        ),
        critical=True,
    ),
    "risk.released.buyer": Message(
        Text("支付审核通过", ("您的支付", " ¥{amount}", "已通过安全审核，请继续支付。")),
        Text("Review passed", ("Your payment", " of ¥{amount}", " passed the check; please go on.")),
        critical=True,
    ),
    "risk.stopped.buyer": Message(
        Text("支付未通过审核", ("您的支付", " ¥{amount}", "未通过安全审核，未扣款。如有疑问请联系客服。")),
        Text(
            "Review not passed",
            ("Your payment", " of ¥{amount}", " did not pass the check; nothing was charged."),
        ),
        critical=True,
    ),
}
