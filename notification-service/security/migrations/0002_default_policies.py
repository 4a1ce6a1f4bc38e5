"""Seeds the policies and the level a new shop starts with; rows that are there already stay as they are."""

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

from security.policies import DEFAULT_POLICIES


def seed(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    policy = apps.get_model("security", "SecurityPolicy")
    for defaults in DEFAULT_POLICIES:
        policy.objects.get_or_create(policy_id=defaults["policy_id"], defaults=defaults)
    apps.get_model("security", "SecurityPosture").objects.get_or_create(pk=1)


class Migration(migrations.Migration):
    dependencies = [("security", "0001_initial")]
    operations = [migrations.RunPython(seed, migrations.RunPython.noop)]
