"""`manage.py outbox_redrive`: send dead letters again."""

from argparse import ArgumentParser
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError

from common.outbox.repair import redrive


class Command(BaseCommand):
    help = "Put dead and parked events back on their way. Name them, or say --all."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("event_ids", nargs="*", type=UUID, metavar="EVENT_ID")
        parser.add_argument("--type", default="", help="only events of this type")
        parser.add_argument("--destination", default="", help="only events to this service")
        parser.add_argument("--all", action="store_true", help="every dead letter")

    def handle(self, *args: Any, **options: Any) -> None:
        wanted = {name: options[name] for name in ("event_ids", "type", "destination") if options[name]}
        if not wanted and not options["all"]:
            raise CommandError("Say which: EVENT_ID …, --type, --destination, or --all.")
        self.stdout.write(f"{redrive(**wanted)} on their way again")
