"""A person with a browser: what the demo and the journey test use to walk through the running system.

Room: scripts. Everything goes through the gateway as a client call would; nothing here knows a table or a
module of a service. `StoryBroken` carries the answer that broke it, as soon as something does not hold.
"""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from html import unescape
from typing import Any
from urllib.parse import urljoin

import requests

PASSWORD = "sandbox-demo"
EMAILS = {
    name: f"{name.lower()}@example.com" for name in ("Alice", "Bob", "Carol", "Mallory", "Olive", "Nina")
}


class StoryBroken(AssertionError):
    """A step of the story does not hold; the text carries what was expected and what came."""


def expect(truth: object, sentence: str, evidence: object = "") -> None:
    """Go on only when `truth` holds."""
    if not truth:
        raise StoryBroken(f"{sentence}: {evidence}")


@dataclass
class Person:
    """One logged-in person; `get` and `post` answer parsed JSON and insist on the status."""

    name: str
    gateway: str
    session: requests.Session = field(default_factory=requests.Session)

    def log_in(self) -> "Person":
        credentials = {"email": EMAILS[self.name], "password": PASSWORD}
        answer = self.post("/api/v1/auth/login-with-password/", credentials)
        self.session.headers["Authorization"] = f"Bearer {answer['access_token']}"
        self.uuid: str = answer["user_id"]
        return self

    def get(self, path: str, *, status: int = 200) -> Any:
        return self.call("GET", path, None, status)

    def post(self, path: str, body: Any = None, *, status: int | tuple[int, ...] = (200, 201, 202)) -> Any:
        return self.call("POST", path, body, status)

    def call(self, method: str, path: str, body: Any, status: int | tuple[int, ...]) -> Any:
        answer = self.session.request(method, self.gateway + path, json=body, timeout=30)
        allowed = (status,) if isinstance(status, int) else status
        expect(
            answer.status_code in allowed,
            f"{self.name}: {method} {path} answers {allowed}",
            evidence_of(answer),
        )
        return answer.json(parse_float=Decimal)


def evidence_of(answer: requests.Response) -> str:
    return f"{answer.status_code} {answer.text[:600]}"


def press(url: str, button: str) -> requests.Response:
    """Open a cashier page as a browser would and press the form whose `data-testid` is `button`."""
    browser = requests.Session()
    page = browser.get(url, timeout=30)
    form = re.search(rf"<form[^>]*data-testid=\"{button}\"[^>]*>(.*?)</form>", page.text, re.S)
    expect(page.ok and form, f"the cashier shows the form {button}", evidence_of(page))
    assert form is not None
    action = re.search(r'action="([^"]*)"', form.group(0))
    inputs = dict(re.findall(r'<input[^>]*name="([^"]*)"[^>]*value="([^"]*)"', form.group(1)))
    target = urljoin(page.url, unescape(action.group(1))) if action else page.url
    return browser.post(
        target, data={k: unescape(v) for k, v in inputs.items()}, timeout=30, allow_redirects=False
    )


def eventually(
    read: Callable[[], Any], holds: Callable[[Any], bool], sentence: str, seconds: float = 45
) -> Any:
    """Read until `holds`; raise `StoryBroken` with the last value when it never does."""
    end = time.monotonic() + seconds
    while True:
        value = read()
        if holds(value):
            return value
        if time.monotonic() > end:
            raise StoryBroken(f"{sentence} (waited {seconds:.0f} s): {value}")
        time.sleep(0.25)
