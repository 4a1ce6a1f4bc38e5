"""The program that runs an instance, PID 1 of a container: `common.instance.life`, its faults said plainly.

Room: plain. `cd order-service && PYTHONPATH=.. python -m common.launcher web` (or `worker`).
"""

import sys
from collections.abc import Sequence

from common.faults import in_plain_words

ROLES = ("web", "worker")


def main(arguments: Sequence[str]) -> int:
    """The exit status: 0 after a stop in order, 1 when it could not start or failed, 2 for usage."""
    if len(arguments) != 1 or arguments[0] not in ROLES:
        print(f"usage: python -m common.launcher {'|'.join(ROLES)}", file=sys.stderr)
        return 2
    with in_plain_words():
        from common.instance.life import live

        return live(arguments[0])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
