"""The daily bill as merchants download it: a zip of GBK CSV files.

`trade` is 业务明细 (one line per payment and refund), `signcustomer` is 账务明细 (the account's movements).
"""

import csv
import io
import zipfile
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from django.conf import settings
from django.core.signing import BadSignature, TimestampSigner

from alipay_simulator.models import Refund, Trade
from alipay_simulator.switches import now
from alipay_simulator.wire import SHANGHAI, beijing, yuan

BILL_TYPES = ("trade", "signcustomer")
ADDRESS_SECONDS = 30
RULE = "-" * 41
_signer = TimestampSigner(salt="alipay-bill")

# fmt: off
TRADE_COLUMNS = [
    "支付宝交易号", "商户订单号", "业务类型", "商品名称", "创建时间", "完成时间", "门店编号", "门店名称",
    "操作员", "终端号", "对方账户", "订单金额（元）", "商家实收（元）", "支付宝红包（元）", "集分宝（元）",
    "支付宝优惠（元）", "商家优惠（元）", "券核销金额（元）", "券名称", "商家红包消费金额（元）",
    "卡消费金额（元）", "退款批次号/请求号", "服务费（元）", "分润（元）", "备注",
]
ACCOUNT_COLUMNS = [
    "账务流水号", "业务流水号", "商户订单号", "商品名称", "发生时间", "对方账号", "收入金额（+元）",
    "支出金额（-元）", "账户余额（元）", "交易渠道", "业务类型", "备注",
]
# fmt: on


class Movement(NamedTuple):
    """One line: money in (positive) or back out (negative)."""

    at: datetime
    trade: Trade
    amount: Decimal
    fee: Decimal
    request_no: str

    @property
    def is_refund(self) -> bool:
        return self.amount < 0


def bill_signature(bill_type: str, day: date) -> str:
    return _signer.sign(f"{bill_type}/{day.isoformat()}").rpartition("/")[2]


def is_bill_address(bill_type: str, day: date, token: str) -> bool:
    try:
        signed_day = _signer.unsign(f"{bill_type}/{token}", max_age=ADDRESS_SECONDS)
    except BadSignature:
        return False
    return signed_day == f"{bill_type}/{day.isoformat()}"


def bill_zip(bill_type: str, day: date) -> bytes:
    """The file behind the download address, with the names and layout of the real one."""
    movements = day_movements(day)
    seller = settings.SANDBOX.alipay_seller_id
    stem = f"{seller}_{day:%Y%m%d}_{'业务明细' if bill_type == 'trade' else '账务明细'}"
    detail = _trade_csv(movements, day) if bill_type == "trade" else _account_csv(movements, day)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(f"{stem}.csv", detail.encode("gbk", errors="replace"))
        archive.writestr(f"{stem}(汇总).csv", _summary_csv(movements, day).encode("gbk", errors="replace"))
    return packed.getvalue()


def day_movements(day: date) -> list[Movement]:
    """Everything that moved money on that Beijing day, oldest first."""
    start = datetime(day.year, day.month, day.day, tzinfo=SHANGHAI)
    during = (start, start + timedelta(days=1))
    rate = Decimal(settings.SANDBOX.fee_rate)
    paid = Trade.objects.filter(paid_at__gte=during[0], paid_at__lt=during[1])
    refunds = Refund.objects.filter(
        state=Refund.State.SUCCESS, paid_at__gte=during[0], paid_at__lt=during[1]
    ).select_related("trade")
    movements = [_payment(trade, rate) for trade in paid]
    movements += [_refunded(refund) for refund in refunds]
    return sorted(movements, key=lambda movement: movement.at)


def _payment(trade: Trade, rate: Decimal) -> Movement:
    fee = (trade.total_amount * rate).quantize(Decimal("0.01"))
    return Movement(trade.paid_at or now(), trade, trade.total_amount, -fee, "")


def _refunded(refund: Refund) -> Movement:
    return Movement(
        refund.paid_at or now(), refund.trade, -refund.amount, Decimal("0.00"), refund.out_request_no
    )


def _trade_csv(movements: list[Movement], day: date) -> str:
    payments = [movement for movement in movements if not movement.is_refund]
    refunds = [movement for movement in movements if movement.is_refund]
    closing = [
        f"#{RULE}业务明细列表结束{RULE}",
        f"#交易合计：{len(payments)}笔，商家实收共{_sum(payments)}元",
        f"#退款合计：{len(refunds)}笔，商家实收退款共{_sum(refunds)}元",
    ]
    rows = [TRADE_COLUMNS, *map(_trade_row, movements)]
    return _sheet("业务明细", day, "业务明细列表", rows, closing)


def _trade_row(movement: Movement) -> list[str]:
    trade = movement.trade
    kind = "退款" if movement.is_refund else "交易"
    amount = yuan(movement.amount)
    times = [beijing(trade.created_at), beijing(movement.at)]
    place = ["", "", "", ""]
    zeros = ["0.00"] * 5
    head = [trade.trade_no, trade.out_trade_no, kind, trade.subject, *times, *place, trade.buyer_logon_id]
    tail = ["", "0.00", "0.00", movement.request_no, yuan(movement.fee), "0.00", ""]
    return [*head, amount, amount, *zeros, *tail]


def _account_csv(movements: list[Movement], day: date) -> str:
    rows: list[list[str]] = [ACCOUNT_COLUMNS]
    balance = Decimal("0.00")
    for number, movement in enumerate(movements, start=1):
        balance += movement.amount
        rows.append(_account_row(number, movement, balance))
    closing = [
        "#-----------------------------------------账务明细列表结束------------------------------------"
    ]
    return _sheet("账务明细", day, "账务明细列表", rows, closing)


def _account_row(number: int, movement: Movement, balance: Decimal) -> list[str]:
    trade = movement.trade
    income, expense = ("", yuan(movement.amount)) if movement.is_refund else (yuan(movement.amount), "")
    kind = "交易退款" if movement.is_refund else "在线支付"
    flow = f"{movement.at.astimezone(SHANGHAI):%Y%m%d}{number:010d}"
    left = [
        flow,
        trade.trade_no,
        trade.out_trade_no,
        trade.subject,
        beijing(movement.at),
        trade.buyer_logon_id,
    ]
    return [*left, income, expense, yuan(balance), "支付宝", kind, movement.request_no]


def _summary_csv(movements: list[Movement], day: date) -> str:
    payments = [movement for movement in movements if not movement.is_refund]
    refunds = [movement for movement in movements if movement.is_refund]
    columns = ["交易订单总笔数", "退款订单总笔数", "订单金额（元）", "退款金额（元）", "实收净额（元）"]
    values = [str(len(payments)), str(len(refunds)), _sum(payments), _sum(refunds), _sum(movements)]
    return _sheet("汇总", day, "汇总列表", [columns, values], ["#汇总列表结束"])


def _sheet(title: str, day: date, heading: str, rows: list[list[str]], closing: list[str]) -> str:
    first, last = (f"{at:%Y年%m月%d日} 00:00:00" for at in (day, day + timedelta(days=1)))
    out = io.StringIO()
    out.write(f"#支付宝{title}查询\r\n#账号：[{settings.SANDBOX.alipay_seller_id}]\r\n")
    out.write(f"#起始日期：[{first}]   终止日期：[{last}]\r\n")
    out.write(f"#{RULE}{heading}{RULE}\r\n")
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(rows[0])
    # Real bills end every value with a tab, so that spreadsheets don't round the long numbers.
    writer.writerows([f"{value}\t" for value in row] for row in rows[1:])
    out.write("\r\n".join([*closing, f"#导出时间：[{beijing(now())}]", ""]))
    return out.getvalue()


def _sum(movements: Iterable[Movement]) -> str:
    return yuan(sum((movement.amount for movement in movements), Decimal("0.00")))
