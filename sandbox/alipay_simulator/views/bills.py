"""The bill behind its short-lived download address."""

from datetime import datetime

from django.http import HttpRequest, HttpResponse

from alipay_simulator.bills import BILL_TYPES, bill_zip, is_bill_address
from alipay_simulator.wire import SHANGHAI
from config.web import Refused


def bill_file(request: HttpRequest, bill_type: str, day: str) -> HttpResponse:
    try:
        date = datetime.strptime(day, "%Y-%m-%d").replace(tzinfo=SHANGHAI).date()
    except ValueError as wrong:
        raise Refused("no such bill", status=404) from wrong
    if bill_type not in BILL_TYPES or not is_bill_address(bill_type, date, request.GET.get("token", "")):
        raise Refused("this address is not valid (any more)", status=403)
    headers = {"Content-Disposition": f'attachment; filename="{bill_type}-{day}.zip"'}
    return HttpResponse(bill_zip(bill_type, date), content_type="application/zip", headers=headers)
