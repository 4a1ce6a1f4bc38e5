"""The lines that README.md tells a newcomer to type, typed."""

import json
import subprocess

from scripts.stack.announce import curl_lines
from tests.conftest import Stack


def test_the_readmes_curl_lines_work(stack: Stack) -> None:
    script = "set -euo pipefail\n" + "\necho\n".join(curl_lines()).replace("curl -s ", "curl -sf ")

    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=60, check=False)

    assert done.returncode == 0, done.stderr
    product, orders = (json.loads(line) for line in done.stdout.split("\n") if line.strip())
    assert product["product_id"] == 1
    assert orders["results"]["code"] == "200"
