"""Where each value of a setting came from, for `manage.py config show`.

Room: plain. It asks the same places in the same order as `common.config` and `common.live_settings`, and
judges nothing: a service that runs has valid settings.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from common import embedded
from common.config import read_environment
from common.config_store import Published
from common.setting_types import Setting
from common.settings_table import DATABASE_OWNERS, SETTINGS, Settings

HIDDEN = "***"


@dataclass(frozen=True)
class Shown:
    """One line: a setting, its value in force (secrets hidden) and where that came from."""

    setting: Setting
    value: str
    origin: str


class Environment:
    """The variables of a process over the root `.env` over what embedded mode makes up."""

    def __init__(self, settings: Settings, environ: Mapping[str, str] | None = None) -> None:
        self._given = os.environ if environ is None else environ
        self._merged = read_environment() if environ is None else dict(environ)
        made_up = embedded.embedded_environment if settings.is_embedded else lambda *_: {}
        self._made_up = made_up(settings.var_dir, settings.service)

    def text(self, name: str) -> str:
        return self._merged.get(name, "")

    def origin(self, name: str) -> str:
        if self._merged.get(name):
            return "environment" if name in self._given else ".env"
        if path := self._merged.get(f"{name}_FILE"):
            return f"file {path}"
        return "embedded" if self._made_up.get(name) else "default"


def shown(settings: Settings, documents: Sequence[Published], environment: Environment) -> Iterator[Shown]:
    """Every setting of the service that runs with `settings` and follows `documents`."""
    fields = vars(settings)
    for row in SETTINGS:
        name = row.name.lower()
        if name not in fields:
            yield from _database_part(row, settings, environment)
            continue
        value, origin = fields[name], environment.origin(row.name)
        for one in documents:
            if name in one.document.values:
                value, origin = one.document.values[name], _named(one)
        yield Shown(row, _text(row, value), origin)


def _database_part(row: Setting, settings: Settings, environment: Environment) -> Iterator[Shown]:
    """The parts that were given; what they mean together is the service's own business."""
    text = environment.text(row.name) or environment.text(f"{row.name}_FILE")
    if text and row.name.partition("_")[0] in ("CFMP", DATABASE_OWNERS.get(settings.service)):
        yield Shown(row, HIDDEN if row.secret else text, environment.origin(row.name))


def _named(one: Published) -> str:
    return f"{one.document.data_id} revision {one.revision}" if one.revision else one.document.data_id


def _text(row: Setting, value: Any) -> str:
    if row.secret:
        return HIDDEN if value else ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Mapping):
        return ",".join(value)
    parts = value if isinstance(value, tuple) else (value,)
    return ",".join("" if part is None else _line(str(part)) for part in parts)


def _line(text: str) -> str:
    """`text` on one line: keys and certificates are told apart elsewhere."""
    return "(PEM)" if text.startswith("-----BEGIN") else text
