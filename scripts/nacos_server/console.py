"""What an operator does in Nacos's console, by the HTTP API (v1) that the console uses itself."""

import http.client
import json
import urllib.error
import urllib.parse
import urllib.request
from typing import Any

GROUP = "DEFAULT_GROUP"


class Refused(Exception):
    """Nacos answered, and it was a no: wrong password, no permission, bad request."""


class Unreachable(Exception):
    """Nacos did not answer, or answered that it is not ready."""


class Console:
    """One operator at one server. `url` is `http://host:port/nacos`."""

    def __init__(self, url: str, username: str, password: str, namespace: str = "") -> None:
        self.url = url
        self.username = username
        self.namespace = namespace
        self._password = password
        self._token = ""

    def log_in(self) -> None:
        """Raises Refused for a wrong password, Unreachable while the server is not ready."""
        given = {"username": self.username, "password": self._password}
        self._token = json.loads(self._send("POST", "/v1/auth/users/login", body=given))["accessToken"]

    def change_password(self, new: str) -> None:
        """The operator's own."""
        self._call("PUT", "/v1/auth/users", {"username": self.username, "newPassword": new})
        self._password = new

    def create_namespace(self, name: str) -> None:
        """Nothing happens when it exists."""
        existing = json.loads(self._call("GET", "/v1/console/namespaces", {}))["data"]
        if name not in {space["namespace"] for space in existing}:
            values = {"customNamespaceId": name, "namespaceName": name, "namespaceDesc": "order suite"}
            self._call("POST", "/v1/console/namespaces", values)

    def services(self) -> dict[str, int]:
        """Instances by service, as the console's list shows them."""
        query = {"pageNo": "1", "pageSize": "100", "hasIpCount": "false", "withInstances": "false"}
        found = json.loads(self._call("GET", "/v1/ns/catalog/services", {**self._space(), **query}))
        return {row["name"]: row["ipCount"] for row in found["serviceList"]}

    def instances(self, service: str) -> list[dict[str, Any]]:
        """Every instance, the disabled ones too. Unknown services have none."""
        query = {"serviceName": service, "clusterName": "DEFAULT", "groupName": GROUP}
        page = {"pageNo": "1", "pageSize": "100"}
        try:
            text = self._call("GET", "/v1/ns/catalog/instances", {**self._space(), **query, **page})
        except Refused:
            return []
        found: list[dict[str, Any]] = json.loads(text)["list"]
        return found

    def change_instance(self, service: str, port: int, **changes: Any) -> None:
        """`enabled`, `weight`, `metadata` of the instance at that port."""
        one = next(row for row in self.instances(service) if row["port"] == port)
        wanted = {key: changes.get(key, one[key]) for key in ("enabled", "weight", "metadata")}
        values = {
            "serviceName": service,
            "groupName": GROUP,
            "clusterName": "DEFAULT",
            "ip": one["ip"],
            "port": str(port),
            "ephemeral": "true",
            "enabled": str(wanted["enabled"]).lower(),
            "weight": str(wanted["weight"]),
            "metadata": json.dumps(wanted["metadata"]),
        }
        self._call("PUT", "/v1/ns/instance", {**self._space(), **values})

    def publish(self, data_id: str, content: str) -> None:
        """A configuration, as YAML."""
        values = {"dataId": data_id, "group": GROUP, "content": content, "type": "yaml"}
        self._call("POST", "/v1/cs/configs", {"tenant": self.namespace, **values})

    def configuration(self, data_id: str) -> str:
        """Its content. Raises Refused when there is none."""
        query = {"tenant": self.namespace, "dataId": data_id, "group": GROUP}
        return self._call("GET", "/v1/cs/configs", query)

    def delete_config(self, data_id: str) -> None:
        """Nothing happens when there is none."""
        self._call("DELETE", "/v1/cs/configs", {"tenant": self.namespace, "dataId": data_id, "group": GROUP})

    def _space(self) -> dict[str, str]:
        return {"namespaceId": self.namespace}

    def _call(self, method: str, path: str, values: dict[str, str]) -> str:
        if not self._token:
            self.log_in()
        if method in {"GET", "DELETE"}:
            return self._send(method, f"{path}?{urllib.parse.urlencode(values)}")
        return self._send(method, path, body=values)

    def _send(self, method: str, path: str, body: dict[str, str] | None = None) -> str:
        data = urllib.parse.urlencode(body).encode() if body is not None else None
        headers = {"Authorization": f"Bearer {self._token}"} if self._token else {}
        request = urllib.request.Request(self.url + path, data=data, method=method, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=5) as answer:
                return str(answer.read().decode())
        except urllib.error.HTTPError as error:
            text = error.read().decode(errors="replace")
            if error.code >= 500 and "not found" not in text:
                raise Unreachable(f"{error.code}: {text[:200]}") from None
            raise Refused(f"{error.code}: {text[:200]}") from None
        except http.client.BadStatusLine:
            # To a wrong password this server answers "HTTP/1.1 0", which is no status.
            raise Refused("unknown user or wrong password") from None
        except (OSError, http.client.HTTPException) as error:
            raise Unreachable(str(error)) from None
