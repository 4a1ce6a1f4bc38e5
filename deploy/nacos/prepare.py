"""Makes a fresh Nacos ready for the suite: its administrator's password and the namespace.

Runs once, repeats harmlessly. A Nacos from 2.4 on starts without an administrator; whoever asks first names
the password. It needs nothing but Python. Read from the environment: NACOS_SERVER, NACOS_NAMESPACE,
NACOS_PASSWORD or NACOS_PASSWORD_FILE.
"""

import json
import os
import sys
import time
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode
from urllib.request import ProxyHandler, Request, build_opener

# The one name that Nacos gives its administrator.
ADMINISTRATOR = "nacos"
PATIENCE_SECONDS = 180.0
_opener = build_opener(ProxyHandler({}))


class Unusable(Exception):
    """Nacos cannot be made ready; the text says why and what to do."""


def call(method: str, url: str, **form: str) -> Any:
    """One call of Nacos' HTTP API; the JSON of its answer, or its text. Raises HTTPError, URLError."""
    data = urlencode(form).encode()
    request = Request(f"{url}?{data.decode()}" if method == "GET" else url, method=method)
    with _opener.open(request, None if method == "GET" else data, timeout=5) as answer:
        text = answer.read().decode()
    try:
        return json.loads(text)
    except ValueError:
        return text


def log_in(api: str, password: str) -> str:
    """An access token. Raises HTTPError while Nacos refuses."""
    answer = call("POST", f"{api}/auth/login", username=ADMINISTRATOR, password=password)
    token: str = answer["accessToken"]
    return token


def administrator_token(api: str, password: str) -> str:
    """Log in; where there is no administrator yet, name the password first. Raises Unusable."""
    try:
        return log_in(api, password)
    except HTTPError as refused:
        if refused.code not in {401, 403, 500}:
            raise
    try:
        call("POST", f"{api}/auth/users/admin", password=password)
    except HTTPError as refused:
        if refused.code != 409:
            raise
    try:
        return log_in(api, password)
    except HTTPError as refused:
        raise Unusable(
            "Nacos has an administrator with another password: give that one, or empty Nacos' volume"
        ) from refused


def make_namespace(api: str, token: str, namespace: str) -> bool:
    """True when it was not there."""
    listed = call("GET", f"{api}/console/namespaces", accessToken=token)["data"]
    if namespace in {row["namespace"] for row in listed}:
        return False
    call(
        "POST",
        f"{api}/console/namespaces?accessToken={token}",
        customNamespaceId=namespace,
        namespaceName=namespace,
        namespaceDesc="order suite",
    )
    return True


def prepare(server: str, namespace: str, password: str, patience: float = PATIENCE_SECONDS) -> str:
    """What was done, as a sentence. Waits while Nacos starts. Raises Unusable."""
    api = f"http://{server}/nacos/v1"
    until = time.monotonic() + patience
    while True:
        try:
            token = administrator_token(api, password)
            made = make_namespace(api, token, namespace)
            return f"Nacos at {server}: namespace {namespace} {'made' if made else 'was there'}."
        except (URLError, OSError, KeyError, TypeError) as problem:
            if time.monotonic() > until:
                raise Unusable(f"Nacos at {server} is not ready: {problem}") from problem
            time.sleep(1)


def password_given() -> str:
    """From NACOS_PASSWORD_FILE or NACOS_PASSWORD. Raises Unusable without either."""
    path = os.environ.get("NACOS_PASSWORD_FILE")
    password = Path(path).read_text().strip() if path else os.environ.get("NACOS_PASSWORD", "")
    if not password:
        raise Unusable("NACOS_PASSWORD_FILE (or NACOS_PASSWORD) is missing: the administrator's password")
    return password


def main() -> int:
    """0 when Nacos is ready."""
    server = os.environ.get("NACOS_SERVER", "").split(",")[0]
    try:
        if not server:
            raise Unusable("NACOS_SERVER is missing: host:port of Nacos")
        namespace = os.environ.get("NACOS_NAMESPACE") or "cfmp-microservices"
        print(prepare(server, namespace, password_given()))
    except (Unusable, OSError) as problem:
        print(problem, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
