"""`manage.py stock_resolve`: an operator decides what a parked product's stock is."""

from argparse import ArgumentParser
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError

from common.errors import SuiteError
from order.clients.product import product_get
from order.selectors import open_push, stock_parked
from order.services.stock_push import StockNotResolvable, stock_resolve


class Command(BaseCommand):
    help = "List parked products; with a product, say whether its open push was taken, and sell it again."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("product", nargs="?", type=UUID)
        word = parser.add_mutually_exclusive_group()
        word.add_argument("--applied", action="store_true", help="ProductService has taken the open push")
        word.add_argument("--not-applied", action="store_true", help="it has not: send it again")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["product"] is None:
            self._list()
            return
        try:
            self._resolve(options["product"], options)
        except StockNotResolvable as why:
            raise CommandError(f"{options['product']}: {why}") from why
        except SuiteError as error:
            raise CommandError(f"{error.name}: {error}") from error

    def _list(self) -> None:
        for row in stock_parked():
            push = open_push(row.product_uuid)
            sent = f"sent {push.delta:+d} at stock {push.stock_seen}, {push.note}" if push else "nothing open"
            self.stdout.write(
                f"{row.product_uuid}  last seen {row.remote_stock}  unsent {row.unsent}  {sent}"
            )

    def _resolve(self, product_uuid: UUID, options: dict[str, Any]) -> None:
        product = product_get(product_uuid)
        if product is None:
            raise CommandError("ProductService does not know this product")
        word = True if options["applied"] else False if options["not_applied"] else None
        stock_resolve(product_uuid=product_uuid, stock_now=product.stock, applied=word)
        self.stdout.write(f"{product_uuid}: {product.stock} there, sold again")
