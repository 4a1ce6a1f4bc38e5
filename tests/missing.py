"""What a suite wants and a machine may not have: told loudly, and a failure where CI runs as root.

There everything can be had: scripts/test installs it.
"""

import os
import sys
import warnings
from typing import NoReturn

import pytest


def say(text: str) -> None:
    """`text`: what is not tested, and why."""
    if os.environ.get("CI") == "true" and os.getuid() == 0:
        pytest.fail(text)
    warnings.warn(text, stacklevel=2)
    print(f"\n!!! {text}\n", file=sys.stderr, flush=True)


def skip(text: str) -> NoReturn:
    """The same, and no more of this test."""
    say(text)
    pytest.skip(text)
