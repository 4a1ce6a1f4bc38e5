"""The judges of an upgrade see what they are there for; and a doubled fact of two versions does no harm."""

from typing import Any

import pytest
from django.db import DatabaseError, models, transaction
from django.db.migrations import operations as ops
from django.db.migrations.state import ModelState, ProjectState

from common.sagas import definition
from common.sagas.definition import Saga, Step
from common.testing import upgrades
from common.tests.ring.models import Parcel


def state(**fields: models.Field) -> ProjectState:
    found = ProjectState()
    found.add_model(
        ModelState("shop", "Order", [("id", models.BigAutoField(primary_key=True)), *fields.items()])
    )
    return found


TEXT = models.CharField(max_length=20)
BEFORE = state(note=TEXT)


@pytest.mark.parametrize(
    "operation",
    [
        ops.CreateModel("Parcel", []),
        ops.AddField("order", "weight", models.IntegerField(null=True)),
        ops.AddField("order", "weight", models.IntegerField(db_default=0)),
        ops.AlterField("order", "note", models.CharField(max_length=40)),
        ops.AlterField("order", "note", models.CharField(max_length=20, null=True)),
        ops.AddIndex("order", models.Index(fields=["note"], name="by_note")),
        ops.RunPython(ops.RunPython.noop),
    ],
    ids=lambda one: one.describe(),
)
def test_what_only_adds_is_let_through(operation: Any) -> None:
    assert upgrades.objection("shop", operation, BEFORE) == ""


@pytest.mark.parametrize(
    "operation",
    [
        ops.AddField("order", "weight", models.IntegerField(default=0)),
        ops.RemoveField("order", "note"),
        ops.RenameField("order", "note", "remark"),
        ops.RenameModel("Order", "Purchase"),
        ops.DeleteModel("Order"),
        ops.AlterModelTable("order", "purchase"),
        ops.AlterField("order", "note", models.CharField(max_length=10)),
        ops.AlterField("order", "note", models.CharField(max_length=20, unique=True)),
        ops.AlterField("order", "note", models.IntegerField()),
        ops.AddConstraint("order", models.UniqueConstraint(fields=["note"], name="one_note")),
        ops.RunSQL("SELECT 1"),
    ],
    ids=lambda one: one.describe(),
)
def test_what_the_code_before_trips_over_is_refused(operation: Any) -> None:
    assert upgrades.objection("shop", operation, BEFORE)


def test_nothing_narrower_hides_behind_null() -> None:
    nullable = state(note=models.CharField(max_length=20, null=True))

    assert upgrades.objection("shop", ops.AlterField("order", "note", TEXT), nullable)


@pytest.mark.django_db
def test_old_models_write_on_a_schema_that_only_grew_and_not_on_one_that_lost_a_column() -> None:
    today = ModelState.from_model(Parcel)
    older = {name: field for name, field in today.fields.items() if not field.null}
    renamed = {**older, "colour": models.CharField(max_length=5)}

    with transaction.atomic():
        upgrades.write_and_read(_model(today, older))
        transaction.set_rollback(True)
    with pytest.raises(DatabaseError), transaction.atomic():
        upgrades.write_and_read(_model(today, renamed))


def _model(today: ModelState, fields: dict[str, models.Field]) -> type[models.Model]:
    found = ProjectState()
    options = {"db_table": Parcel._meta.db_table}
    found.add_model(ModelState("ring", "Parcel", list(fields.items()), options))
    return found.apps.get_model("ring", "Parcel")


def test_a_saga_with_other_steps_under_the_same_version_is_named(monkeypatch: Any, tmp_path: Any) -> None:
    monkeypatch.setattr(definition, "_known", {})
    monkeypatch.setattr(upgrades, "load_definitions", lambda: None)
    monkeypatch.setattr(upgrades, "SAGAS", tmp_path)
    (tmp_path / "OrderService.json").write_text('{"trip 1": ["a", "b"], "gone 1": ["a"], "stays 1": ["a"]}')
    for name, version, steps in (("trip", 1, "ba"), ("fresh", 1, "a"), ("stays", 1, "a")):
        Saga(name, version, tuple(Step(step, lambda context, key: None) for step in steps))

    assert sorted(upgrades.changed_sagas("OrderService")) == [
        "fresh 1 is not in contracts/sagas yet",
        "gone 1 is gone: runs of it may be in flight",
        "trip 1 has other steps: make it a new version beside the old one",
    ]
