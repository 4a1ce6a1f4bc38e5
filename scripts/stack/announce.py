"""What a person reads when the stack is ready: addresses, log-ins, and three lines to try."""

import re

from common.config import ROOT
from common.ports import TABLE, url_of
from common.testing.people import PASSWORD, PEOPLE
from scripts.nacos_server.server import USERNAME, Server
from scripts.stack import layout

_ROLES = {
    "Alice": "buys",
    "Bob": "sells",
    "Carol": "buys",
    "Mallory": "may not",
    "Olive": "operates",
    "Nina": "is new here",
}


def announcement(seconds: float, nacos: Server | None = None) -> str:
    """The text, with the curl lines exactly as README.md shows them (a test runs those)."""
    port = layout.service_ports()
    order, pay, note = (
        url_of("OrderService", layout.ENVIRONMENT),
        port["PaymentService"],
        port["NotificationService"],
    )
    return "\n".join(
        [
            f"Ready in {seconds:.1f} s.",
            "",
            f"  shop page     http://127.0.0.1:{port['gateway']}/",
            f"  Alipay        http://127.0.0.1:{port['Alipay']}/          (simulator: cashier, switches)",
            f"  APIs          {order}/api/docs/ (orders; payments :{pay}, notifications :{note})",
            f"  admin         {order}/admin/    (:{pay}, :{note}; accounts: docs/runbook.md)",
            f"  RootService   http://127.0.0.1:{port['RootService']}/          (what runs, and how it is)",
            *_console(nacos),
            f"  logs          {layout.LOG}",
            "",
            f"Log-ins (password {PASSWORD}):",
            *(f"  {person.email:<22} {_ROLES[person.name]}" for person in PEOPLE),
            "",
            "Try:",
            *(f"  {line}" for line in curl_lines()),
            "",
        ]
    )


def _console(nacos: Server | None) -> list[str]:
    if nacos is None:
        return []
    return [
        f"  Nacos         http://{nacos.address}/nacos/#/login",
        f"                (name space {nacos.namespace}; {USERNAME}, password {nacos.password})",
    ]


def curl_lines() -> list[str]:
    """README.md's lines between its curl marks, for the port that the gateway has."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    block = re.search(r"<!-- curl:begin -->\s*```sh\n(.*?)```", readme, re.S)
    documented, given = f":{TABLE['gateway'][1]}/", f":{layout.service_ports()['gateway']}/"
    return block.group(1).replace(documented, given).splitlines() if block else []
