"""docker-compose.yml and the Dockerfile, read the way an engine reads them."""

import re
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parent.parent.parent
FILE = ROOT / "docker-compose.yml"
OUR_IMAGE = re.compile(r"^cfmp/(\w+):")
_VARIABLE = re.compile(r"\$\$|\$\{(\w+)(?::-([^}]*))?\}")


def interpolated(text: str, environment: Mapping[str, str]) -> str:
    """`${NAME:-default}` filled in, `$$` a dollar."""

    def value(match: re.Match[str]) -> str:
        if match[0] == "$$":
            return "$"
        return environment.get(match[1]) or (match[2] or "")

    return _VARIABLE.sub(value, text)


def load(environment: Mapping[str, str] = {}) -> dict[str, Any]:
    """The whole file, with `environment` standing for .env."""

    def walk(node: Any) -> Any:
        if isinstance(node, dict):
            return {key: walk(value) for key, value in node.items()}
        if isinstance(node, list):
            return [walk(value) for value in node]
        return interpolated(node, environment) if isinstance(node, str) else node

    return walk(yaml.safe_load(FILE.read_text()))


def services() -> dict[str, dict[str, Any]]:
    return load()["services"]


def networks_of(service: dict[str, Any]) -> set[str]:
    """Also of one that shares another's network."""
    shared = service.get("network_mode", "").removeprefix("service:")
    return networks_of(services()[shared]) if shared else set(service["networks"])


def ours() -> dict[str, dict[str, Any]]:
    """Services that run an image of ours."""
    return {name: one for name, one in services().items() if OUR_IMAGE.match(one["image"])}


def suite() -> dict[str, dict[str, Any]]:
    """Those that run one of the three services."""
    return {name: one for name, one in ours().items() if target(one) != "sandbox"}


def target(service: Mapping[str, Any]) -> str:
    """The Dockerfile's stage that the service runs."""
    found = OUR_IMAGE.match(service["image"])
    assert found and service["build"]["target"] == found[1]
    return found[1]


Instruction = tuple[str, str]


class Dockerfile:
    """The stages of a Dockerfile: name -> (what it stands on, instructions in order)."""

    def __init__(self, path: Path = ROOT / "Dockerfile") -> None:
        self.stages: dict[str, tuple[str, list[Instruction]]] = {}
        for word, rest in _instructions(path.read_text()):
            if word == "FROM":
                base, _, name = rest.partition(" AS ")
                self.stages[name] = (base, [])
            else:
                next(reversed(self.stages.values()))[1].append((word, rest))

    def chain(self, name: str) -> list[Instruction]:
        """Everything that makes the stage, from its base image on."""
        base, own = self.stages[name]
        return [*(self.chain(base) if base in self.stages else []), *own]

    def image(self, name: str) -> str:
        """The foreign image it stands on."""
        base = self.stages[name][0]
        return self.image(base) if base in self.stages else base

    def environment(self, name: str) -> dict[str, str]:
        found: dict[str, str] = {}
        for word, rest in self.chain(name):
            if word == "ENV":
                found |= dict(pair.split("=", 1) for pair in shlex.split(rest))
        return found

    def last(self, name: str, word: str) -> str:
        """The instruction that wins."""
        return [rest for one, rest in self.chain(name) if one == word][-1]


def _instructions(text: str) -> list[Instruction]:
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n\s*", "", "\n".join(lines))
    return [
        (word, rest.strip())
        for word, _, rest in (line.partition(" ") for line in joined.splitlines() if line)
    ]
