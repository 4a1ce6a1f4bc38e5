"""Changing stock the way the published service does it, holes and all.

Read, think, write, without a lock or a transaction, and nothing remembers a request: a repeated call
counts twice and two calls at once can lose one of the changes. The suite has to live with that.
"""

import time

from faults.models import Fault

from products.models import Product


class StockShort(Exception):
    """Not enough left for this change."""


def stock_change(product: Product, quantity: int, *, pause: Fault | None = None) -> tuple[int, int]:
    """Adds `quantity` (negative: takes) and returns (old, new). Raises StockShort below zero."""
    old = Product.objects.values_list("stock", flat=True).get(pk=product.pk)
    if pause is not None:
        time.sleep(pause.seconds(1.0))
    new = old + quantity
    if new < 0:
        raise StockShort
    Product.objects.filter(pk=product.pk).update(stock=new)
    return old, new
