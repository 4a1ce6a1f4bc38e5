"""ProductService's calls, in the shapes its published version answers."""

from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from faults.connection import spoiled
from faults.switchboard import fault_take

from config.web import Refused, answer, body_of
from products.models import Product
from products.stock import StockShort, stock_change

DRAWINGS = Path(__file__).resolve().parent / "drawings"
# More than a column holds would be a crash.
MOST_UNITS = 10**9
DIALECTS = ("update", "restore")
_dialect = {"name": settings.SANDBOX.stock_api}


def product_list(request: HttpRequest) -> HttpResponse:
    goods = Product.objects.filter(status=Product.Status.ON_SALE).order_by("product_id")
    words = request.GET.get("search", "")
    if words:
        goods = goods.filter(title__contains=words) | goods.filter(title_en__icontains=words)
    results = [present(product) for product in goods]
    return answer({"count": len(results), "next": None, "previous": None, "results": results})


def product_detail(request: HttpRequest, **reference: Any) -> HttpResponse:
    fault = fault_take("product", "detail", _subject(reference))
    return spoiled(request, fault, lambda: answer(present(_find(reference))))


def update_stock(request: HttpRequest, **reference: Any) -> HttpResponse:
    """`{quantity: ±n}` → `{success, data{old_stock, current_stock}}`; 400 `{success: false}` when short."""
    fault = fault_take("product", "update-stock", _subject(reference))
    return spoiled(request, fault, lambda: _change(_find(reference), _quantity(request), fault))


def restore_stock(request: HttpRequest, **reference: Any) -> HttpResponse:
    """Documented `{quantity, reason, order_id}`; absent (404) unless the dialect `restore` is on."""
    if _dialect["name"] != "restore":
        raise Refused("no such address here", status=404)
    quantity = _quantity(request)
    if quantity <= 0:
        raise Refused("quantity must be positive")
    fault = fault_take("product", "restore-stock", _subject(reference))
    return spoiled(request, fault, lambda: _change(_find(reference), quantity, fault))


def media(request: HttpRequest, name: str) -> HttpResponse:
    drawing = DRAWINGS / f"{name}.svg"
    if not drawing.is_file():
        raise Refused("no such picture", status=404)
    headers = {"Cache-Control": "public, max-age=3600"}
    return HttpResponse(drawing.read_bytes(), content_type="image/svg+xml", headers=headers)


def sim_product(request: HttpRequest, **reference: Any) -> HttpResponse:
    """Sets `stock`, `price` or `status` by hand, so that a story can start from known numbers."""
    product = _find(reference)
    readers = {"stock": int, "price": Decimal, "status": int}
    given = body_of(request)
    try:
        changes = {name: read(given[name]) for name, read in readers.items() if name in given}
        for name, value in changes.items():
            product._meta.get_field(name).clean(value, product)
        if any(value < 0 for value in changes.values()):
            raise ValueError
    except (ArithmeticError, TypeError, ValueError, ValidationError) as wrong:
        raise Refused("stock and status are whole numbers, price is a decimal string") from wrong
    Product.objects.filter(pk=product.pk).update(**changes)
    return answer(present(_find(reference)))


def sim_dialect(request: HttpRequest) -> HttpResponse:
    """Which stock dialect is spoken: `update` (published) or `restore` (documented)."""
    wanted = body_of(request).get("dialect")
    if wanted not in DIALECTS:
        raise Refused("dialect is update or restore")
    _dialect["name"] = str(wanted)
    return answer({"dialect": wanted})


def present(product: Product) -> dict[str, Any]:
    picture = f"/api/product/media/{product.drawing}.svg"
    return {
        "product_id": product.product_id,
        "product_uuid": str(product.product_uuid),
        "title": product.title,
        "title_en": product.title_en,
        "description": product.description,
        "description_en": product.description_en,
        "price": f"{product.price:.2f}",
        "stock": product.stock,
        "status": product.status,
        "user_info": {"user_id": str(product.seller_uuid), "username": product.seller_name},
        "media": [{"media": picture}] if product.drawing else [],
        "created_at": product.created_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
    }


def _change(product: Product, quantity: int, fault: Any) -> HttpResponse:
    pause = fault if fault is not None and fault.kind == "pause" else None
    try:
        old, new = stock_change(product, quantity, pause=pause)
    except StockShort as short:
        raise Refused("库存不足") from short
    data = {"old_stock": old, "current_stock": new}
    return answer({"success": True, "message": "库存更新成功", "data": data})


def _find(reference: dict[str, Any]) -> Product:
    product = Product.objects.filter(**reference).first()
    if product is None:
        raise Refused("商品不存在", status=404)
    return product


def _subject(reference: dict[str, Any]) -> str:
    """Faults are narrowed by the number or UUID the caller used."""
    (value,) = reference.values()
    return str(value) if isinstance(value, UUID | int) else ""


def _quantity(request: HttpRequest) -> int:
    quantity = body_of(request).get("quantity")
    if not isinstance(quantity, int) or isinstance(quantity, bool) or quantity == 0:
        raise Refused("quantity must be a whole number, not zero")
    if abs(quantity) > MOST_UNITS:
        raise Refused(f"quantity must be {MOST_UNITS} at most")
    return quantity
