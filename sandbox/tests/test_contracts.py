"""The contracts the services keep with these neighbours, replayed on them; and what may be imported."""

import ast
from typing import Any

import pytest
import requests
from products.catalogue import BOB, product_uuid
from users.people import ALICE

from common.testing.contracts import Contract, contracts_of, replay
from tests.live import SANDBOX, Live

CONTRACTS = [*contracts_of(callee="ProductService"), *contracts_of(callee="UserService")]
VALUES = {
    "product_uuid": str(product_uuid(2)),
    "seller_uuid": str(BOB[0]),
    "user_uuid": str(ALICE.user_id),
}


class Caller:
    """A client of the shape `replay` wants, speaking to one port."""

    def __init__(self, base: str) -> None:
        self.base = base

    def request(self, method: str, path: str, body: Any) -> requests.Response:
        return requests.request(method, self.base + path, json=body, timeout=10)


@pytest.mark.parametrize("contract", CONTRACTS, ids=lambda contract: contract.name)
def test_neighbours_keep_the_contracts_of_the_services(live: Live, contract: Contract) -> None:
    base = live.product if contract.callee == "ProductService" else live.user
    replay(contract.filled(**VALUES), Caller(base))


def test_there_are_contracts_to_keep() -> None:
    assert {"order-to-product-get", "order-to-product-update-stock"} <= {it.name for it in CONTRACTS}


# Keys, ports, `.env`, this machine's addresses, a fault told in one sentence, how a line of the log looks:
# nothing of the business.
OF_COMMON = {f"common.{name}" for name in ("config", "embedded", "faults", "log", "own_addresses", "ports")}


def test_the_sandbox_imports_nothing_of_the_services() -> None:
    """What plays the outside world may not know the inside."""
    own = {folder.name for folder in SANDBOX.iterdir() if folder.is_dir()}
    services = {"order", "shopping", "payment", "notification", "security"}
    assert own.isdisjoint(services)
    for file in SANDBOX.rglob("*.py"):
        if "tests" in file.parts:
            continue
        for module in _imported(ast.parse(file.read_text())):
            assert module.split(".")[0] not in services, file
            assert not module.startswith("common") or module in OF_COMMON, file


def _imported(tree: ast.AST) -> set[str]:
    found = {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    plain = [node for node in ast.walk(tree) if isinstance(node, ast.Import)]
    return found | {alias.name for node in plain for alias in node.names}
