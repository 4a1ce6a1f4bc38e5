"""What two versions side by side stand on: schemas that the code before can live with, sagas that keep their
steps. docs/upgrades.md says the rules; each service's `test_upgrades.py` asks.
"""

import json
import uuid
from collections.abc import Callable, Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from django.db import connection, models, transaction
from django.db.migrations import operations as ops
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState

from common import clock
from common.sagas.definition import definitions
from common.worker import load_definitions

SAGAS = Path(__file__).resolve().parents[2] / "contracts" / "sagas"
HARMLESS = (
    ops.CreateModel,
    ops.AddIndex,
    ops.RemoveIndex,
    ops.RenameIndex,
    ops.RemoveConstraint,
    ops.RunPython,
    ops.AlterModelOptions,
    ops.AlterModelManagers,
)


def unsafe_operations(app: str) -> list[str]:
    """Every operation of the app's migrations that the code before it could not live with, by its place."""
    return [
        f"{name}: {operation.describe()}: {why}"
        for name, operations, state in _history(app)
        for operation in operations
        if (why := objection(app, operation, state))
    ]


def _history(app: str) -> Iterator[tuple[str, list[Operation], ProjectState]]:
    """Each migration after the first: its name, what it does to the database, and the state before it."""
    loader = MigrationLoader(None)
    (leaf,) = loader.graph.leaf_nodes(app)
    for key in loader.graph.forwards_plan(leaf):
        if key[0] == app and not loader.graph.nodes[key].initial:
            migration = loader.graph.nodes[key]
            yield key[1], list(_in_database(migration.operations)), loader.project_state(key, at_end=False)


def _in_database(operations: list[Operation]) -> Iterator[Operation]:
    for one in operations:
        if isinstance(one, ops.SeparateDatabaseAndState):
            yield from _in_database(one.database_operations)
        else:
            yield one


def objection(app: str, operation: Operation, state: ProjectState) -> str:
    """Why the code that knows `state` cannot live with `operation`; empty when it can."""
    if isinstance(operation, HARMLESS):
        return ""
    if isinstance(operation, ops.AddField):
        return (
            ""
            if _may_be_left_out(operation.field)
            else "the code before does not name it: null or db_default"
        )
    if isinstance(operation, ops.AlterField):
        before = state.models[app, operation.model_name_lower].fields[operation.name]
        return "" if _is_wider(before, operation.field) else "narrower than before, or of another type"
    return "the code before still uses what it changes"


def _may_be_left_out(field: models.Field) -> bool:
    return field.null or field.has_db_default() or isinstance(field, models.ManyToManyField)


def _is_wider(before: models.Field, after: models.Field) -> bool:
    same_type = before.get_internal_type() == after.get_internal_type()
    longer = (after.max_length or 0) >= (before.max_length or 0)
    return same_type and longer and after.null >= before.null and after.unique <= before.unique


def old_code_trouble(app: str) -> list[str]:
    """Write and read a row of each model as it was before each migration, on the schema as it is now.

    What was written is rolled back. Needs a database with every migration applied.
    """
    found = []
    for name, _, state in _history(app):
        for model in state.apps.get_app_config(app).get_models():
            try:
                with transaction.atomic():
                    write_and_read(model)
                    transaction.set_rollback(True)
            except Exception as problem:  # whatever the database says, by the name of the model
                found.append(f"{model.__name__} as before {name}: {problem}")
    return found


def write_and_read(model: type[models.Model]) -> None:
    """INSERT, SELECT and UPDATE each column of one row. Raises what the database says."""
    values = {field.attname: _value(field) for field in model._meta.concrete_fields if _wants_value(field)}
    with connection.constraint_checks_disabled():
        row = model._base_manager.create(**values)
        model._base_manager.get(pk=row.pk)
        model._base_manager.filter(pk=row.pk).update(**{name: values[name] for name in values})


def _wants_value(field: models.Field) -> bool:
    if isinstance(field, models.AutoField):
        return False
    # A key's default may be the one row that there is.
    return field.primary_key or not (field.null or field.has_default())


_VALUES: dict[type[models.Field], Callable[[], Any]] = {
    models.UUIDField: uuid.uuid4,
    models.DateTimeField: clock.now,
    models.DateField: lambda: clock.now().date(),
    models.DecimalField: lambda: Decimal("1.00"),
    models.BooleanField: lambda: False,
    models.JSONField: dict,
    models.DurationField: lambda: timedelta(seconds=1),
    # Not 1: rows that a migration seeded begin there.
    models.IntegerField: lambda: 77,
    models.BinaryField: lambda: b"x",
}


def _value(field: models.Field) -> Any:
    """Something of the column's type; its meaning is nobody's business here."""
    kind: Any = field.target_field if isinstance(field, models.ForeignKey) else field
    makers = (make for type_, make in _VALUES.items() if isinstance(kind, type_))
    return next(makers, lambda: "x")()


def changed_sagas(service: str) -> list[str]:
    """Where the registered sagas of `service` differ from contracts/sagas, as sentences."""
    load_definitions()
    pinned: dict[str, list[str]] = json.loads((SAGAS / f"{service}.json").read_text())
    present = {f"{one.name} {one.version}": [step.name for step in one.steps] for one in definitions()}
    return [
        *(f"{name} is gone: runs of it may be in flight" for name in pinned.keys() - present.keys()),
        *(f"{name} is not in contracts/sagas yet" for name in present.keys() - pinned.keys()),
        *(
            f"{name} has other steps: make it a new version beside the old one"
            for name in present.keys() & pinned.keys()
            if present[name] != pinned[name]
        ),
    ]
