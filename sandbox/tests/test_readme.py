"""The README is what people develop against: it names every fault, call, setting and handle, and no other."""

import re
from pathlib import Path

import pytest
from alipay_simulator.methods import KNOWN_METHODS
from alipay_simulator.states import DEFAULT_TRIGGERS
from django.urls import get_resolver
from faults.kinds import KINDS
from users.people import PEOPLE

from common.ports import TABLE
from tests.live import SANDBOX

README = (SANDBOX / "README.md").read_text()
TICKED = set(re.findall(r"`([^`\n]+)`", README))


@pytest.mark.parametrize("target", KINDS)
def test_every_fault_is_named(target: str) -> None:
    assert {kind for kind in KINDS[target] if kind not in TICKED} == set()


def test_every_method_is_named() -> None:
    assert {method for method in KNOWN_METHODS if f"`{method}`" not in README} == set()


def test_every_person_is_named() -> None:
    for person in PEOPLE:
        assert f"| {person.username} | `…{str(person.user_id)[-12:]}` | {person.email} |" in README


def test_settings_are_the_ones_that_are_read() -> None:
    read = set(re.findall(r'"(SANDBOX_[A-Z0-9_]+)"', (SANDBOX / "config" / "environment.py").read_text()))
    read |= {variable for variable, _ in TABLE.values() if variable.startswith("SANDBOX_")}
    assert set(re.findall(r"SANDBOX_[A-Z0-9_]+[A-Z0-9]", README)) == read


def test_every_address_is_named() -> None:
    named = re.sub(r"\{[^}]*\}", "{}", README)
    for module in ("users.urls", "products.urls", "alipay_simulator.urls"):
        for address in _addresses(module):
            assert address in named, address


def _addresses(module: str) -> set[str]:
    """The paths of a port with placeholders emptied, as the README writes them."""
    routes = {str(pattern.pattern) for pattern in get_resolver(module).url_patterns}
    plain = {re.sub(r"<[^>]*>", "{}", route) for route in routes}
    # Found by number or by UUID under two prefixes: the README shows each call once.
    skipped = ("health", "", "gateway.do", "api/products/{}/update-stock/", "api/product/{}/restore-stock/")
    pages = ("cashier/", "qr/", "bills/")
    return {route for route in plain if route not in skipped and not route.startswith(pages)}


def test_every_handle_of_the_shop_exists() -> None:
    section = README.split("## The shop page")[1].split("## Settings")[0]
    handles = {name for name in re.findall(r"`([a-z-]+)`", section) if not name.startswith("data-")}
    sources = [*(SANDBOX / "shop" / "assets").glob("*.js")]
    sources += (SANDBOX / "alipay_simulator" / "templates" / "alipay_simulator").glob("*.html")
    text = "\n".join(Path(source).read_text() for source in sources)
    made_of_names = {"login-alice", "toast-good", "toast-bad"}
    assert {name for name in handles - made_of_names if name not in text} == set()


def test_the_trigger_table_is_the_codes() -> None:
    columns = ("TRADE_SUCCESS", "TRADE_CLOSED", "TRADE_FINISHED", "PARTIAL_REFUND", "FULL_REFUND")
    for words, product in (
        ("page", "page"),
        ("wap, app", "wap"),
        ("wap, app", "app"),
        ("qr (precreate)", "qr"),
    ):
        cells = " | ".join("yes" if name in DEFAULT_TRIGGERS[product] else "no" for name in columns)
        assert f"| {words} | {cells} |" in README
