"""Is the process in this container ready? Exit 0 or 1, for a container engine without curl.

An argument or `HEALTH_URL` names another address than this service's /readyz.
"""

import os
import sys
from urllib.error import URLError
from urllib.request import ProxyHandler, build_opener


def address() -> str:
    """Where this container says that it is ready; a service on all interfaces is asked on loopback."""
    host = os.environ.get("SERVICE_HOST", "127.0.0.1")
    here = "127.0.0.1" if host in {"", "0.0.0.0"} else host
    named = sys.argv[1] if len(sys.argv) > 1 else os.environ.get("HEALTH_URL")
    return named or f"http://{here}:{os.environ['SERVICE_PORT']}/readyz"


def main() -> int:
    """0 for an answer of 200 within three seconds."""
    try:
        # A proxy of the environment must not answer for the process next door.
        with build_opener(ProxyHandler({})).open(address(), timeout=3) as answer:
            return 0 if answer.status == 200 else 1
    except (URLError, OSError, KeyError) as problem:
        print(f"not ready: {problem!r}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
