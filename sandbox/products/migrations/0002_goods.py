"""Put Bob's goods on the shelf."""

from typing import Any

from django.db import migrations

from products.catalogue import seed_goods


def seed(apps: Any, schema_editor: Any) -> None:
    seed_goods(apps.get_model("products", "Product"))


class Migration(migrations.Migration):
    dependencies = [("products", "0001_initial")]
    operations = [migrations.RunPython(seed, migrations.RunPython.noop)]
