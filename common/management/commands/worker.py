"""`manage.py worker`: relay events, finish sagas, run jobs, until told to stop."""

import signal
import threading
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from common import worker
from common.databases import try_database


class Command(BaseCommand):
    help = "Relay events, finish sagas and run the service's jobs. SIGTERM stops after the work in hand."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--once", action="store_true", help="do what is due, then exit")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["once"]:
            worker.drain()
            return
        try_database()
        stop = threading.Event()
        for wanted in (signal.SIGTERM, signal.SIGINT):
            signal.signal(wanted, lambda *_: stop.set())
        try:
            worker.serve(stop)
        except OSError as problem:
            port = settings.CFMP.worker_metrics_port
            raise CommandError(f"WORKER_METRICS_PORT={port} cannot be used: {problem.strerror}") from problem
