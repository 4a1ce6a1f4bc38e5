"""`manage.py audit_money`: replay every payment's ledger and print what does not add up. Exit 1 when
anything."""

from __future__ import annotations

import sys
from typing import Any

from django.core.management.base import BaseCommand

from payment.services.audit import money_differences


class Command(BaseCommand):
    """Prints one line per difference, progress to stderr, and a closing line."""

    help = "Replay the ledger of every payment and compare it with the stored totals, refunds and states."

    def handle(self, *args: Any, **options: Any) -> None:
        looked_at = found = 0
        for count, differences in money_differences():
            looked_at, found = looked_at + count, found + len(differences)
            for difference in differences:
                self.stdout.write(str(difference))
            self.stderr.write(f"audit_money: {looked_at} payments, {found} differences so far")
        self.stdout.write(f"audit_money: {looked_at} payments, {found} differences")
        if found:
            sys.exit(1)
