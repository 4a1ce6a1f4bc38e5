"""The daily bill: where it lies, how long the address works, and what the files say."""

import csv
import io
import zipfile
from datetime import date, datetime, timedelta
from decimal import Decimal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import pytest
import requests

from tests.live import Merchant

METHOD = "alipay.data.dataservice.bill.downloadurl.query"
TODAY = datetime.now(ZoneInfo("Asia/Shanghai")).date()


def ask(merchant: Merchant, day: date | str, bill_type: str = "trade") -> dict:
    return dict(merchant.sdk.server_api(METHOD, {"bill_type": bill_type, "bill_date": str(day)}))


def files(merchant: Merchant, bill_type: str) -> dict[str, list[list[str]]]:
    """The rows of each file in the zip, without the lines of ornament."""
    url = ask(merchant, TODAY, bill_type)["bill_download_url"]
    archive = zipfile.ZipFile(io.BytesIO(requests.get(url, timeout=10).content))
    texts = {name: archive.read(name).decode("gbk") for name in archive.namelist()}
    return {
        name: [
            [cell.rstrip("\t") for cell in row] for row in csv.reader(io.StringIO(text)) if row[0][0] != "#"
        ]
        for name, text in texts.items()
    }


def test_a_day_of_trade_is_one_line_per_payment_and_refund(merchant: Merchant) -> None:
    first, second = merchant.paid("299.00"), merchant.paid("100.00")
    merchant.refund(first, "50.00", "refund-1")
    merchant.opened("1.00")
    sheets = files(merchant, "trade")
    detail = next(rows for name, rows in sheets.items() if name.endswith("业务明细.csv"))
    header, *lines = detail
    rows = [dict(zip(header, line, strict=True)) for line in lines]
    seen = {
        (row["商户订单号"], row["业务类型"], row["订单金额（元）"], row["退款批次号/请求号"]) for row in rows
    }
    assert seen == {
        (first, "交易", "299.00", ""),
        (second, "交易", "100.00", ""),
        (first, "退款", "-50.00", "refund-1"),
    }
    assert {row["服务费（元）"] for row in rows if row["商户订单号"] == second} == {"-0.60"}
    summary = next(rows for name, rows in sheets.items() if "汇总" in name)
    assert summary[1] == ["2", "1", "399.00", "-50.00", "349.00"]


def test_the_account_bill_runs_a_balance(merchant: Merchant) -> None:
    paid = merchant.paid("299.00")
    merchant.refund(paid, "50.00", "refund-1")
    detail = next(
        rows for name, rows in files(merchant, "signcustomer").items() if name.endswith("账务明细.csv")
    )
    header, *lines = detail
    rows = [dict(zip(header, line, strict=True)) for line in lines]
    assert [(row["收入金额（+元）"], row["支出金额（-元）"], row["账户余额（元）"]) for row in rows] == [
        ("299.00", "", "299.00"),
        ("", "-50.00", "249.00"),
    ]
    assert Decimal(rows[-1]["账户余额（元）"]) == Decimal("299.00") - Decimal("50.00")


@pytest.mark.parametrize("day", [TODAY + timedelta(days=1), TODAY + timedelta(days=400)])
def test_tomorrow_has_no_bill(merchant: Merchant, day: date) -> None:
    assert ask(merchant, day)["sub_code"] == "isp.bill_not_exist"


@pytest.mark.parametrize(("day", "kind"), [("2026-13-01", "trade"), ("soon", "trade"), (str(TODAY), "gold")])
def test_nonsense_is_refused(merchant: Merchant, day: str, kind: str) -> None:
    assert ask(merchant, day, kind)["sub_code"] == "ACQ.INVALID_PARAMETER"


def test_the_address_is_good_for_this_bill_only(merchant: Merchant) -> None:
    url = ask(merchant, TODAY)["bill_download_url"]
    yesterday = str(TODAY - timedelta(days=1))
    path = urlsplit(url).path
    for wrong in (
        url.replace(path, path.replace(str(TODAY), yesterday)),
        url.replace("/trade/", "/signcustomer/"),
        url.split("?")[0],
        url[:-3] + "AAA",
    ):
        assert requests.get(wrong, timeout=10).status_code == 403, wrong
