"""What a person reads when the stack is ready: addresses, log-ins, and three lines to try."""

import re

from common.config import ROOT
from common.testing.people import PASSWORD, PEOPLE
from scripts.stack import layout

_ROLES = {
    "Alice": "buys",
    "Bob": "sells",
    "Carol": "buys",
    "Mallory": "may not",
    "Olive": "operates",
    "Nina": "is new here",
}


def announcement(seconds: float) -> str:
    """The text, with the curl lines exactly as README.md shows them (a test runs those)."""
    return "\n".join(
        [
            f"Ready in {seconds:.1f} s.",
            "",
            f"  shop page     http://127.0.0.1:{layout.GATEWAY_PORT}/",
            "  Alipay        http://127.0.0.1:8090/          (simulator: cashier, switches)",
            "  APIs          http://127.0.0.1:8001/api/docs/ (orders; payments :8002, notifications :8003)",
            "  admin         http://127.0.0.1:8001/admin/    (:8002, :8003; accounts: docs/runbook.md)",
            "  RootService   http://127.0.0.1:8006/          (what runs, and how it is)",
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


def curl_lines() -> list[str]:
    """README.md's lines between its curl marks."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    block = re.search(r"<!-- curl:begin -->\s*```sh\n(.*?)```", readme, re.S)
    return block.group(1).splitlines() if block else []
