"""Pages that several doors show."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render


def error_page(request: HttpRequest, code: str, message: str) -> HttpResponse:
    """What a buyer sees when the merchant's link is wrong; with 200, as the real cashier answers."""
    return render(request, "alipay_simulator/error.html", {"code": code, "message": message})
