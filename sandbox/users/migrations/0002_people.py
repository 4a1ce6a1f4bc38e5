"""Seed the people of every story."""

from typing import Any

from django.db import migrations

from users.people import seed_people


def seed(apps: Any, schema_editor: Any) -> None:
    seed_people(apps.get_model("users", "Account"))


class Migration(migrations.Migration):
    dependencies = [("users", "0001_initial")]
    operations = [migrations.RunPython(seed, migrations.RunPython.noop)]
