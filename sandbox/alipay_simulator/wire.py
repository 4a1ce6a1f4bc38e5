"""Alipay's ways of writing things: Beijing times, two-place amounts, trade numbers, JSON without spaces."""

import json
import re
import secrets
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any
from zoneinfo import ZoneInfo

SHANGHAI = ZoneInfo("Asia/Shanghai")
SMALLEST, LARGEST = Decimal("0.01"), Decimal("100000000.00")
_AMOUNT = re.compile(r"\d{1,9}(\.\d{1,2})?")
_EXPRESS = re.compile(r"(\d{1,5})([mhd])|1c")


def beijing(at: datetime) -> str:
    return at.astimezone(SHANGHAI).strftime("%Y-%m-%d %H:%M:%S")


def parse_beijing(text: str) -> datetime:
    """`yyyy-MM-dd HH:mm[:ss]` as Beijing time. Raises ValueError."""
    form = "%Y-%m-%d %H:%M" if text.count(":") == 1 else "%Y-%m-%d %H:%M:%S"
    return datetime.strptime(text, form).replace(tzinfo=SHANGHAI)


def parse_express(text: str, start: datetime) -> datetime:
    """`timeout_express` (90m, 2h, 1d, 1c for the end of the day) as a moment. Raises ValueError."""
    match = _EXPRESS.fullmatch(text)
    if match is None:
        raise ValueError(text)
    if text == "1c":
        return start.astimezone(SHANGHAI).replace(hour=23, minute=59, second=59)
    unit = {"m": "minutes", "h": "hours", "d": "days"}[match[2]]
    return start + timedelta(**{unit: int(match[1])})


def parse_amount(text: Any) -> Decimal:
    """An amount as merchants must write it: a number of 0.01 to 100000000.00 yuan. Raises ValueError."""
    if not isinstance(text, str | int | Decimal) or not _AMOUNT.fullmatch(str(text)):
        raise ValueError(text)
    try:
        amount = Decimal(str(text)).quantize(SMALLEST)
    except InvalidOperation as wrong:
        raise ValueError(text) from wrong
    if not SMALLEST <= amount <= LARGEST:
        raise ValueError(text)
    return amount


def yuan(amount: Decimal) -> str:
    return f"{amount:.2f}"


def new_trade_no(at: datetime) -> str:
    """28 digits, the day first, as Alipay's are."""
    return f"{at.astimezone(SHANGHAI):%Y%m%d}2200{secrets.randbelow(10**16):016d}"


def new_notify_id(at: datetime) -> str:
    return f"{at.astimezone(SHANGHAI):%Y%m%d}00222{secrets.token_hex(11)}"


def compact(node: dict[str, Any]) -> str:
    return json.dumps(node, ensure_ascii=False, separators=(",", ":"))


def bare(node: dict[str, Any]) -> dict[str, Any]:
    """Without what is None: Alipay leaves out what it has nothing to say about."""
    return {name: value for name, value in node.items() if value is not None}
