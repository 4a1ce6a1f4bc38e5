"""The page and its few files. Everything else the page needs comes from the gateway."""

from pathlib import Path

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


def page(request: HttpRequest) -> HttpResponse:
    return asset(request, name="index.html")


def asset(request: HttpRequest, name: str) -> HttpResponse:
    known = {file.name: file for file in ASSETS.iterdir()}
    if name not in known:
        raise Refused("no such file", status=404)
    headers = {"Cache-Control": "no-cache", "Content-Security-Policy": POLICY}
    file = known[name]
    return HttpResponse(file.read_bytes(), content_type=KINDS[file.suffix], headers=headers)
