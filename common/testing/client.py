"""A JSON client that goes through the whole Django stack: middleware, authentication by a real token,
rendering.

It stands for one caller; who that is, the fixtures `api` and `service_api` say.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from django.test import Client

from common.exchange import body_bytes

# Embedded services answer only to loopback names.
HOST = "127.0.0.1"


class JsonClient:
    """Answers are Django's test responses: `.status_code`, `.json()`, `.headers`, `["Header"]`.

    `key` is sent as Idempotency-Key. An unexpected exception in a view is raised, so that a test shows
    its traceback; `raises=False` gives the 500 that a caller would see.
    """

    def __init__(self, headers: Mapping[str, str] | None = None, *, raises: bool = True) -> None:
        self.headers = dict(headers or {})
        self._client = Client(SERVER_NAME=HOST, raise_request_exception=raises)

    def get(self, path: str, params: Mapping[str, Any] | None = None, **options: Any) -> Any:
        return self.request("GET", path + (f"?{urlencode(params, doseq=True)}" if params else ""), **options)

    def post(self, path: str, json: Any = None, **options: Any) -> Any:
        return self.request("POST", path, json, **options)

    def put(self, path: str, json: Any = None, **options: Any) -> Any:
        return self.request("PUT", path, json, **options)

    def patch(self, path: str, json: Any = None, **options: Any) -> Any:
        return self.request("PATCH", path, json, **options)

    def delete(self, path: str, json: Any = None, **options: Any) -> Any:
        return self.request("DELETE", path, json, **options)

    def request(
        self,
        method: str,
        path: str,
        json: Any = None,
        *,
        key: Any = None,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        content_type: str = "application/json",
    ) -> Any:
        """`json` is sent as JSON (Decimals as text); `body` is sent as it is."""
        raw = body if body is not None else b"" if json is None else body_bytes(json)
        sent = {**self.headers, **(headers or {})}
        if key is not None:
            sent["Idempotency-Key"] = str(key)
        return self._client.generic(method, path, raw, content_type=content_type, headers=sent)
