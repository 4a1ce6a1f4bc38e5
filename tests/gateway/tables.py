"""The route table with something changed, written out and read again as a gateway would."""

import copy
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import yaml

from apisix.table import Table, load

Document = dict[str, Any]


def changed(folder: Path, environ: Mapping[str, str], change: Callable[[Document], None]) -> Table:
    """`change` gets the whole document; what it names must still be there when it is read again."""
    document = copy.deepcopy(load(environ=environ).document)
    change(document)
    path = folder / "changed.yaml"
    path.write_text(f"{yaml.safe_dump(document, allow_unicode=True)}\n#END\n", encoding="utf-8")
    return load(path, environ)


def entry(document: Document, kind: str, name: str) -> Document:
    """One route, upstream, consumer, … by id."""
    return next(item for item in document[kind] if name in (item.get("id"), item.get("username")))


def put(document: Document, place: str, said: Any) -> None:
    """Say one thing, at `kind/id/key/key`; what lies on the way is made."""
    kind, name, *keys, last = place.split("/")
    item = entry(document, kind, name)
    for key in keys:
        item = item.setdefault(key, {})
    item[last] = said
