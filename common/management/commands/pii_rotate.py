"""`pii_rotate`: encrypt every personal column anew under the first key of PII_KEYS, so that an old key
can be taken away.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.apps import apps
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import models

from common import pii

BATCH = 500


class Command(BaseCommand):
    """Reads ciphertext, writes ciphertext; safe to stop and to run again, and beside a running service."""

    help = "Re-encrypt personal data under the first key of PII_KEYS."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--dry-run", action="store_true", help="Only count what an old key still protects."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        unreadable = 0
        for model in apps.get_models():
            for field in pii.encrypted_fields(model):
                rotated, failed = rotate_column(model, field.attname, dry_run=options["dry_run"])
                unreadable += failed
                self.stdout.write(f"{model._meta.label}.{field.name}: {rotated} old, {failed} unreadable")
        if unreadable:
            raise CommandError(
                f"{unreadable} values fit no key of PII_KEYS: keep the old keys and look at them."
            )


def rotate_column(model: type[models.Model], column: str, *, dry_run: bool) -> tuple[int, int]:
    """Rotate one column; returns how many values an old key protected and how many fit no key."""
    rotated = failed = 0
    for pk, token in _ciphertexts(model, column):
        if pii.is_current(token):
            continue
        try:
            fresh = pii.rotate(token)
        except pii.PiiUnreadable:
            failed += 1
            continue
        rotated += dry_run or _replace(model, column, pk, token, fresh)
    return rotated, failed


def _ciphertexts(model: type[models.Model], column: str) -> Iterator[tuple[Any, str]]:
    """Every stored token with its row's key, in pages by key: one long cursor would hold SQLite's
    readers up.
    """
    last: Any = None
    rows = model._default_manager.annotate(ciphertext=_as_stored(column)).order_by("pk")
    while page := list(_after(rows, last).values_list("pk", "ciphertext")[:BATCH]):
        yield from ((pk, token) for pk, token in page if token)
        last = page[-1][0]


def _after(rows: models.QuerySet[Any], last: Any) -> models.QuerySet[Any]:
    return rows if last is None else rows.filter(pk__gt=last)


def _replace(model: type[models.Model], column: str, pk: Any, old: str, new: str) -> int:
    # Only if nobody has written the row since it was read.
    unchanged = model._default_manager.annotate(ciphertext=_as_stored(column)).filter(pk=pk, ciphertext=old)
    return unchanged.update(**{column: models.Value(new, output_field=models.TextField())})


def _as_stored(column: str) -> models.ExpressionWrapper:
    # As plain text, the column's own decryption stays out of the way.
    return models.ExpressionWrapper(models.F(column), output_field=models.TextField())
