"""The operators' recipes of apisix/README.md: each applied to the table, judged and translated."""

import copy
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from apisix.check import problems
from apisix.embedded.bootstrap import Listen, translate
from apisix.table import TABLE, WITHOUT_REGISTRY, Table, load, load_config
from tests.gateway.tables import Document, entry
from tests.gateway.tokens import Issuer, new_private_key

README = TABLE.with_name("README.md").read_text(encoding="utf-8")
RECIPES = re.findall(r"<!-- recipe: (\S+) -->\n```yaml\n(.*?)```", README, re.S)
KEYS = Issuer(new_private_key(), "secret-of-the-recipe-suite-only" * 2).keys()


def applied(folder: Path, recipes: list[tuple[str, str]]) -> Table:
    document = copy.deepcopy(dict(load(environ=KEYS).document))
    for place, text in recipes:
        put(document, place, yaml.safe_load(text))
    path = folder / "apisix.yaml"
    path.write_text(f"{yaml.safe_dump(document, allow_unicode=True)}\n#END\n", encoding="utf-8")
    return load(path, KEYS)


def put(document: Document, place: str, said: Any) -> None:
    kind, _, rest = place.partition("/")
    if not rest:
        document[kind] += said
        return
    name, _, key = rest.partition("/")
    entry(document, kind, name).setdefault(key, {}).update(said)


def test_there_are_recipes() -> None:
    assert [place for place, _ in RECIPES] == [
        "routes",
        "global_rules/every-request/plugins",
        "upstreams",
        "routes/orders/plugins",
    ]


@pytest.mark.parametrize("count", range(1, len(RECIPES) + 1))
def test_a_recipe_passes_the_check_and_both_gateways(tmp_path: Path, count: int) -> None:
    table = applied(tmp_path, RECIPES[:count])

    assert problems(table, load_config(environ=WITHOUT_REGISTRY)) == []
    services = ("OrderService", "PaymentService", "NotificationService", "UserService", "ProductService")
    listen = Listen("127.0.0.1", 0, 0, Path("admin.sock"))
    assert translate(table, addresses=dict.fromkeys(services, "127.0.0.1:1"), listen=listen)


def test_each_variable_of_both_files_is_explained() -> None:
    """A name in the files stands in the README's table; `…` stands for a family of names."""
    files = TABLE.read_text(encoding="utf-8") + TABLE.with_name("config.yaml").read_text(encoding="utf-8")
    read = set(re.findall(r"\$\{\{(\w+)|\$ENV://(\w+)", files))
    names = {one or other for one, other in read} - {"NAME"}
    section = README.partition("## Variables")[2].partition("\n## ")[0]
    families = tuple(name.rstrip("…") for name in re.findall(r"`(\w+…)`", section))

    assert {name for name in names if f"`{name}`" not in section and not name.startswith(families)} == set()
