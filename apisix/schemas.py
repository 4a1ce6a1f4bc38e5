"""Judges the table and config.yaml by what APISIX accepts: the facts under `schema/`, as JSON Schema.

APISIX drops an entry it finds wrong and serves the rest, and passes over an option it does not know; either
can leave a route open. Here both are errors, before any gateway reads them.
"""

from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator, ValidationError

_FOLDER = Path(__file__).with_name("schema")

_SECRET = frozenset({"secret", "host"})

Schema = dict[str, Any]


def violations(document: Mapping[str, Any]) -> Iterator[str]:
    """A sentence for each key, plugin and option of a table that APISIX does not know or would refuse."""
    known = _read("entries.yaml")["entries"]
    for kind, entries in document.items():
        if kind not in known:
            yield f"{kind}: nothing that APISIX reads"
            continue
        for entry in entries:
            where = f"{kind} {entry.get('id') or entry.get('username')}"
            yield from _judged(where, entry, known[kind])
            yield from _plugins(where, entry.get("plugins", {}), of_consumer=kind == "consumers")


def config_violations(config: Mapping[str, Any]) -> Iterator[str]:
    """The same for config.yaml."""
    yield from _judged("config.yaml", config, _read("config.yaml"))


def _plugins(where: str, plugins: Mapping[str, Any], *, of_consumer: bool) -> Iterator[str]:
    known = _read("plugins.yaml")
    schemas = known["consumer_plugins" if of_consumer else "plugins"]
    for name, options in plugins.items():
        if name not in schemas:
            yield f"{where}: {name} is no plugin that we know of APISIX"
        elif not (of_consumer and options.get("key") == ""):  # a next key that nobody has named
            schema = schemas[name]
            with_meta = {**schema, "properties": {**schema["properties"], "_meta": known["meta"]}}
            yield from _judged(f"{where}: {name}", options, with_meta)


def _judged(where: str, said: Any, schema: Schema) -> Iterator[str]:
    for error in sorted(Draft202012Validator(schema).iter_errors(said), key=str):
        place = ".".join(map(str, error.absolute_path))
        yield f"{where}: {place + ': ' if place else ''}{_said(error)}"


def _said(error: ValidationError) -> str:
    """jsonschema shows the value in its words; a secret, or an address with a password in it, may not be."""
    if _SECRET.isdisjoint(error.absolute_path):
        return str(error.message)
    return f"breaks the rule {error.validator} {error.validator_value}"


def _closed(schema: Any) -> Any:
    """Whatever lists its properties is an object and has no others."""
    if isinstance(schema, list):
        return [_closed(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {name: _closed(value) for name, value in schema.items() if name not in ("if", "properties")}
    if "if" in schema:
        closed["if"] = schema["if"]
    if "properties" in schema:
        closed["properties"] = {name: _closed(value) for name, value in schema["properties"].items()}
        closed = {"type": "object", "additionalProperties": False, **closed}
    return closed


@cache
def _read(name: str) -> Schema:
    content: Schema = _closed(yaml.safe_load((_FOLDER / name).read_text(encoding="utf-8")))
    return content
