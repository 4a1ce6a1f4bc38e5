"""`manage.py seed`: people and goods that are missing; `--reset` also puts stock and prices back."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand
from products.catalogue import seed_goods
from products.models import Product
from users.models import Account
from users.people import seed_people


class Command(BaseCommand):
    help = "Seed the sandbox's people and goods (idempotent)."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--reset", action="store_true", help="put stock, prices and status back")

    def handle(self, *args: Any, **options: Any) -> None:
        people = seed_people(Account)
        goods = seed_goods(Product, reset=options["reset"])
        self.stdout.write(f"people added: {people}, goods written: {goods}")
