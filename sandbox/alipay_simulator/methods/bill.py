"""alipay.data.dataservice.bill.downloadurl.query: where yesterday's bill lies."""

from datetime import date, datetime

from django.conf import settings
from django.http import HttpRequest
from faults.models import Fault

from alipay_simulator.bills import BILL_TYPES, bill_signature
from alipay_simulator.errors import BusinessFailure
from alipay_simulator.requests_in import GatewayRequest
from alipay_simulator.switches import now
from alipay_simulator.wire import SHANGHAI


def download_url(call: GatewayRequest, http: HttpRequest, fault: Fault | None) -> dict[str, object]:
    """A day's bill exists from the next day on (Beijing); the address is good for half a minute."""
    bill_type = str(call.biz.get("bill_type", ""))
    if bill_type not in BILL_TYPES:
        raise BusinessFailure("ACQ.INVALID_PARAMETER", "参数无效: bill_type")
    day = _day(str(call.biz.get("bill_date", "")))
    today = now().astimezone(SHANGHAI).date()
    if day > today or (day == today and not settings.SANDBOX.bill_same_day):
        raise BusinessFailure("isp.bill_not_exist")
    token = bill_signature(bill_type, day)
    address = f"/bills/{bill_type}/{day.isoformat()}.zip?token={token}"
    return {"bill_download_url": http.build_absolute_uri(address)}


def _day(text: str) -> date:
    try:
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=SHANGHAI).date()
    except ValueError as wrong:
        raise BusinessFailure("ACQ.INVALID_PARAMETER", "参数无效: bill_date") from wrong
