"""`manage.py saga list|resume|undo|park`: an operator's hand on the runs of this service."""

from argparse import ArgumentParser
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError

from common.concrete import concrete
from common.errors import NotFound, SuiteError
from common.sagas.definition import definition_of
from common.sagas.figures import UNFINISHED
from common.sagas.models import SagaState
from common.sagas.repair import saga_park, saga_resume, saga_turn_back
from common.worker import load_definitions


class Command(BaseCommand):
    help = "List runs that are not at rest; resume, undo or park one."

    def add_arguments(self, parser: ArgumentParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        listing = verbs.add_parser("list", help="runs that are not at rest")
        listing.add_argument("--state", choices=[state.label for state in SagaState])
        listing.add_argument("--limit", type=int, default=50)
        for verb, text in (("resume", "go on where it stopped"), ("undo", "turn back what it did")):
            verbs.add_parser(verb, help=text).add_argument("uuid", type=UUID)
        parking = verbs.add_parser("park", help="stop before the next step")
        parking.add_argument("uuid", type=UUID)
        parking.add_argument("--reason", required=True)

    def handle(self, *args: Any, **options: Any) -> None:
        load_definitions()
        try:
            getattr(self, f"_{options['verb']}")(options)
        except NotFound as unknown:
            raise CommandError(f"No run has the UUID {options['uuid']}: `saga list` shows them") from unknown
        except SuiteError as error:
            raise CommandError(f"{error.name}: {error} {error.data or ''}") from error

    def _list(self, options: dict[str, Any]) -> None:
        rows = concrete("saga").objects.order_by("created_at")
        wanted = [state for state in SagaState if state.label == options["state"]] or UNFINISHED
        for row in rows.filter(state__in=wanted)[: options["limit"]]:
            why = row.last_error if _is_known(row) else "waits for a release that knows this version"
            self.stdout.write(f"{row}  entity {row.entity_uuid}  tries {row.attempts}  {why}")

    def _resume(self, options: dict[str, Any]) -> None:
        self.stdout.write(str(saga_resume(options["uuid"])))

    def _undo(self, options: dict[str, Any]) -> None:
        self.stdout.write(str(saga_turn_back(options["uuid"])))

    def _park(self, options: dict[str, Any]) -> None:
        self.stdout.write(str(saga_park(options["uuid"], reason=options["reason"])))


def _is_known(row: Any) -> bool:
    return definition_of(row.name, row.definition_version) is not None
