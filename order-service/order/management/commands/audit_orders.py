"""`manage.py audit_orders`: prints every difference between orders, money, stock, history and outbox."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from order.services.audit import audit_orders


class Command(BaseCommand):
    help = "Check the order invariants; exit 1 when anything differs."

    def handle(self, *args: Any, **options: Any) -> None:
        differences = audit_orders()
        for difference in differences:
            self.stdout.write(difference)
        if differences:
            raise CommandError(f"{len(differences)} differences", returncode=1)
        self.stdout.write("audit_orders: 0 differences")
