"""`manage.py webhook_secret https://shop.example`: what a client needs to verify its webhooks."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from payment.gateways.webhook import client_secret
from payment.policies import is_within


class Command(BaseCommand):
    """Prints the host's secret; two while WEBHOOK_SECRET is changed, the new one first."""

    help = "Print the secret of the client at an address, made from WEBHOOK_SECRET: give it to nobody else."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("address", help="its notifyUrl, or any other address of its host")

    def handle(self, *args: Any, address: str, **options: Any) -> None:
        given = settings.CFMP
        if not given.webhook_secret:
            raise CommandError("WEBHOOK_SECRET is missing: there is nothing to make a client's secret from")
        if not is_within(address, given.notify_url_allow):
            raise CommandError(f"{address} is not within NOTIFY_URL_ALLOW: no client is told there")
        for secret in given.webhook_secret:
            self.stdout.write(client_secret(secret, urlsplit(address).hostname or ""))
