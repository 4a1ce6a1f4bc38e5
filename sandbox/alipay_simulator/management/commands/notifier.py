"""`manage.py notifier`: delivers what is due and moves on what time moves (lapsed trades, slow refunds)."""

import logging
import signal
import time
from argparse import ArgumentParser
from concurrent.futures import ThreadPoolExecutor
from types import FrameType
from typing import Any

from django.core.management.base import BaseCommand
from django.db import DatabaseError, connection

from alipay_simulator.delivery import attempt, claim, due
from alipay_simulator.models import Notification
from alipay_simulator.refunds import refunds_settle_due
from alipay_simulator.switches import now
from alipay_simulator.trades import trades_settle_due

log = logging.getLogger(__name__)
# A receiver that hangs holds one of these, not the others' notifications.
SENDERS = 8


class Command(BaseCommand):
    help = "Deliver Alipay's asynchronous notifications by its schedule."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--once", action="store_true", help="deliver what is due now and exit")
        parser.add_argument("--poll", type=float, default=0.2, help="seconds between two looks")

    def handle(self, *args: Any, **options: Any) -> None:
        self.is_stopping = False
        signal.signal(signal.SIGTERM, self._stop)
        signal.signal(signal.SIGINT, self._stop)
        with ThreadPoolExecutor(SENDERS) as pool:
            while not self.is_stopping:
                self._safe_round(pool)
                if options["once"]:
                    return
                time.sleep(options["poll"])

    def _safe_round(self, pool: ThreadPoolExecutor) -> None:
        try:
            self._round(pool)
        except DatabaseError:
            # A busy file is no reason to stop telling; the next round looks again.
            log.exception("a round failed")
            connection.close()

    def _round(self, pool: ThreadPoolExecutor) -> None:
        trades_settle_due()
        refunds_settle_due()
        for notification in due(now()):
            if claim(notification, now()):
                pool.submit(_attempt, notification)

    def _stop(self, number: int, frame: FrameType | None) -> None:
        self.is_stopping = True


def _attempt(notification: Notification) -> None:
    try:
        attempt(notification)
    except Exception:
        # The claim runs out after a minute and the next round tries again.
        log.exception("notification %s failed", notification.notify_id)
    finally:
        connection.close()
