"""Contracts between services, `contracts/*.json`: served by the fake transport to consumers, replayed on
providers.

{"name", "caller", "callee", "request": {"method", "path", "json"}, "response": {"status", "json"}}
"""

import json
import re
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parents[2] / "contracts"


@dataclass(frozen=True)
class Contract:
    """One call. `{placeholders}` in path and bodies are filled by the test."""

    name: str
    caller: str
    callee: str
    request: dict[str, Any]
    response: dict[str, Any]

    def filled(self, **values: Any) -> "Contract":
        """The contract with its placeholders replaced; raises KeyError for one that has no value."""
        return Contract(
            self.name, self.caller, self.callee, _fill(self.request, values), _fill(self.response, values)
        )


def load(name: str, *, folder: Path = FOLDER) -> Contract:
    """The contract in `contracts/<name>.json`; numbers with a point are Decimals."""
    text = (folder / f"{name}.json").read_text(encoding="utf-8")
    return Contract(**json.loads(text, parse_float=Decimal))


def contracts_of(*, caller: str = "", callee: str = "", folder: Path = FOLDER) -> list[Contract]:
    """Every contract of that caller and that callee, by name."""
    found = [load(path.stem, folder=folder) for path in sorted(folder.glob("*.json"))]
    return [it for it in found if it.caller == (caller or it.caller) and it.callee == (callee or it.callee)]


def replay(contract: Contract, client: Any) -> Any:
    """Send the contract's request to the provider and return its answer; AssertionError when the shape
    differs.

    The provider may say more than the contract, never less or otherwise.
    """
    wanted, sent = contract.response, contract.request
    answer = client.request(sent["method"], sent["path"], sent.get("json"))
    assert answer.status_code == wanted["status"], f"{contract.name}: {answer.status_code} {answer.content!r}"
    got = json.loads(answer.content, parse_float=Decimal)
    assert not (found := differences(wanted["json"], got)), f"{contract.name}: " + "; ".join(found)
    return answer


def differences(wanted: Any, got: Any, at: str = "$") -> list[str]:
    """How the shape of `got` falls short of `wanted`: missing names and other JSON types. Null fits
    anything once.
    """
    if isinstance(wanted, dict) and isinstance(got, dict):
        missing = [f"{at}.{name} is missing" for name in wanted if name not in got]
        return missing + [
            line
            for name in wanted
            if name in got
            for line in differences(wanted[name], got[name], f"{at}.{name}")
        ]
    if isinstance(wanted, list) and isinstance(got, list):
        return [line for item in got for line in differences(wanted[0], item, f"{at}[]")] if wanted else []
    if wanted is None or got is None or _kind(wanted) == _kind(got):
        return []
    return [f"{at} is {_kind(got)}, not {_kind(wanted)}"]


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float | Decimal):
        return "number"
    names = {"str": "string", "dict": "object", "list": "array"}
    return names.get(type(value).__name__, type(value).__name__)


def _fill(value: Any, values: dict[str, Any]) -> Any:
    if isinstance(value, str):
        return re.sub(r"\{(\w+)\}", lambda found: str(values[found[1]]), value)
    if isinstance(value, dict):
        return {name: _fill(item, values) for name, item in value.items()}
    return [_fill(item, values) for item in value] if isinstance(value, list) else value
