"""`manage.py config show | check FILE`: what is in force and why; what a document would do once published."""

import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from common.config_documents import DocumentRefused, documents_of, read_document
from common.config_origin import Environment, Shown, shown
from common.config_store import ConfigStore, Published
from common.live_settings import documents_in_force
from common.snapshots import SnapshotFolder


class Command(BaseCommand):
    help = "Show each setting with its value and where it came from; check a document before it is published."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        show = verbs.add_parser("show", help="every setting: value (secrets hidden) and origin")
        show.add_argument("--live", action="store_true", help="only those that may change while it runs")
        show.add_argument("--run-dir", type=Path, help="SERVICE_RUN_DIR of the instance that is meant")
        check = verbs.add_parser("check", help="judge FILE as the service would; exits 1 when it is refused")
        check.add_argument("file", type=Path)
        check.add_argument("--as", dest="data_id", help="its dataId, where the file is called otherwise")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["verb"] == "show":
            self._show(only_live=options["live"], run_dir=options["run_dir"])
        else:
            self._check(options["file"], options["data_id"] or options["file"].name)

    def _show(self, *, only_live: bool, run_dir: Path | None) -> None:
        self._say_when_unheard(run_dir or settings.CFMP.run_dir, is_named=run_dir is not None)
        documents = _documents_at(run_dir) if run_dir else documents_in_force()
        for line in shown(settings.CFMP, documents, Environment(settings.CFMP)):
            if not only_live or settings.SERVICE_NAME in line.setting.dynamic:
                self.stdout.write(_line(line))

    def _say_when_unheard(self, run_dir: Path, *, is_named: bool) -> None:
        """An agent writes what Nacos publishes into its instance's run dir: elsewhere nothing is known of it,
        and the defaults would pass for what is in force."""
        others = sorted(str(folder.parent) for folder in run_dir.glob("*/nacos"))
        expected = is_named or others or settings.CFMP.discovery == "nacos"
        if expected and not SnapshotFolder.of(run_dir).root.is_dir():
            names = ", ".join(others) or "its SERVICE_RUN_DIR"
            self.stderr.write(
                f"Without what Nacos publishes: no agent works in {run_dir}. "
                f"--run-dir names an instance: {names}"
            )

    def _check(self, file: Path, data_id: str) -> None:
        try:
            content = file.read_bytes().decode(errors="replace")
            allowed = settings.CFMP.config_may_set_alipay
            document = read_document(data_id, content, may_set_alipay=allowed)
        except OSError as problem:
            raise CommandError(f"{file} cannot be read: {problem.strerror}") from problem
        except DocumentRefused as refusal:
            for sentence in refusal.problems:
                self.stderr.write(f"{file}: {sentence}")
            sys.exit(1)
        for name, text in document.shown.items():
            self.stdout.write(f"{name} = {text}")
        others = "" if data_id in documents_of(settings.SERVICE_NAME) else "; this service does not follow it"
        self.stdout.write(f"{data_id} would be accepted: {len(document.values)} settings{others}")


def _documents_at(run_dir: Path) -> list[Published]:
    allowed = settings.CFMP.config_may_set_alipay
    store = ConfigStore(SnapshotFolder.of(run_dir), settings.SERVICE_NAME, may_set_alipay=allowed)
    return [found for watched in store.watched() if (found := watched.value()) is not None]


def _line(line: Shown) -> str:
    return f"{line.setting.name:<28} {line.value:<48} {line.origin}"
