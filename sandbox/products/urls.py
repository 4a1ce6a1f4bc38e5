"""What answers on port 8005. Goods are found by number or UUID, under both documented prefixes."""

from django.urls import URLPattern, path
from faults.views import fault_urls

from config.web import View, by_method, health
from products import views

handler404 = "config.web.not_found"


def _goods(suffix: str, view: View) -> list[URLPattern]:
    return [
        path(f"{prefix}/<{reference}>/{suffix}", view)
        for prefix in ("api/product", "api/products")
        for reference in ("int:product_id", "uuid:product_uuid")
    ]


urlpatterns = [
    path("health", health("ProductService")),
    path("api/product/", by_method(GET=views.product_list)),
    path("api/products/", by_method(GET=views.product_list)),
    path("api/product/media/<slug:name>.svg", by_method(GET=views.media)),
    *_goods("", by_method(GET=views.product_detail)),
    *_goods("update-stock/", by_method(POST=views.update_stock)),
    *_goods("restore-stock/", by_method(POST=views.restore_stock)),
    path("sim/dialect/", by_method(POST=views.sim_dialect)),
    path("sim/products/<int:product_id>/", by_method(POST=views.sim_product)),
    path("sim/products/<uuid:product_uuid>/", by_method(POST=views.sim_product)),
    *fault_urls("product"),
]
