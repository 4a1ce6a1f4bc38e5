"""`manage.py outbox_status`: what waits, what died and why."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from common.concrete import concrete
from common.outbox.figures import outbox_figures
from common.outbox.models import OutboxState
from common.outbox.repair import UNDELIVERED


class Command(BaseCommand):
    help = (
        "Show depth, age and dead letters of this service's outbox. Exit code 1 while there are dead letters."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--limit", type=int, default=20, help="how many dead letters to list")

    def handle(self, *args: Any, **options: Any) -> None:
        figures = outbox_figures()
        self.stdout.write(
            f"pending {figures.pending} (oldest {figures.oldest_seconds:.0f} s)"
            f"  dead {figures.dead}  parked {figures.parked}"
        )
        dead = concrete("outbox").objects.filter(state__in=UNDELIVERED).order_by("-died_at")
        for row in dead[: options["limit"]]:
            state = OutboxState(row.state).label
            about = f"{row.event_id}  {row.type}  -> {row.destination}"
            self.stdout.write(f"{state:6}  {about}  tries {row.attempts}  {row.last_error}")
        if figures.dead or figures.parked:
            raise SystemExit(1)
