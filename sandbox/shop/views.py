"""The page, its few files, and QR codes. Everything else the page needs comes from the gateway."""

from pathlib import Path

import segno
from django.http import HttpRequest, HttpResponse

from config.web import Refused

ASSETS = Path(__file__).resolve().parent / "assets"
KINDS = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
# Nothing from elsewhere runs in this page, and nobody frames it.
POLICY = "default-src 'self'; img-src 'self' data:; frame-ancestors 'none'"
LONGEST_QR_TEXT = 1000


def page(request: HttpRequest) -> HttpResponse:
    return asset(request, name="index.html")


def asset(request: HttpRequest, name: str) -> HttpResponse:
    known = {file.name: file for file in ASSETS.iterdir()}
    if name not in known:
        raise Refused("no such file", status=404)
    headers = {"Cache-Control": "no-cache", "Content-Security-Policy": POLICY}
    file = known[name]
    return HttpResponse(file.read_bytes(), content_type=KINDS[file.suffix], headers=headers)


def qr(request: HttpRequest) -> HttpResponse:
    """`?text=`: the picture of a payment code, as a phone would scan it."""
    text = request.GET.get("text", "")
    if not 0 < len(text) <= LONGEST_QR_TEXT:
        raise Refused("text of 1 to 1000 characters, please")
    picture = segno.make(text, error="m").svg_inline(omitsize=True, border=2, svgns=True)
    return HttpResponse(picture, content_type="image/svg+xml")
