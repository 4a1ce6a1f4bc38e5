"""Writes the OpenAPI description so that it holds every answer a view can give, failures included."""

from __future__ import annotations

import re
from typing import Any

from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import force_instance, is_field, is_list_serializer, is_serializer

from common.web import schema_parts as parts
from common.web.envelopes import Family

Schema = dict[str, Any]

# Which failures a view can answer with, by what it takes. Any call may meet a full house or a bug.
ALWAYS = {
    "400": "Malformed request.",
    "404": "Not found.",
    "405": "Method not allowed.",
    "429": "Too many requests.",
}
FAILURE = {"5XX": "A failure on our side or of a peer; `code` and `name` say which."}
GUARDED = {"401": "No token, or not a good one.", "403": "Not for this caller."}
WRITES = {
    "409": "In conflict with what is stored or still running.",
    "413": "The body is too large.",
    "415": "Not JSON.",
    "422": "Understood, but a rule forbids it.",
}
BODIES = frozenset({"POST", "PUT", "PATCH", "DELETE"})


class SuiteSchema(AutoSchema):
    """Reads a SuiteAPIView: its family, schemas, shape and statuses. `@extend_schema` still overrides."""

    def get_operation_id(self) -> str:
        words = re.sub(r"[^a-zA-Z0-9]+", "_", self.path).strip("_")
        return f"{words}_{self.method.lower()}"

    def get_tags(self) -> list[str]:
        words = [word for word in self.path.split("/") if word and word != "api" and not word.startswith("{")]
        return words[:1] or ["service"]

    def get_request_serializer(self) -> Any:
        return self._told("request_schema")

    def get_response_serializers(self) -> Any:
        answer = force_instance(self._told("answer_schema"))
        if is_field(answer) and not is_serializer(answer):
            answer = self._map_serializer_field(answer, "response")
        statuses = self._told("success_status", 200)
        codes = statuses if isinstance(statuses, tuple) else (statuses,)
        return {str(code): answer if answer is not None else {} for code in codes}

    def get_override_parameters(self) -> list[Any]:
        query = self._told("query_schema")
        return [query] if query is not None else []

    def get_auth(self) -> list[Schema]:
        wanted = [type(authenticator).__name__ for authenticator in self.view.get_authenticators()]
        schemes = [scheme for name in wanted for scheme in parts.SECURITY_SCHEMES.get(name, ())]
        for name in schemes:
            self.registry.register_on_missing(parts.security_component(name))
        optional: list[Schema] = [{}] if schemes and not self.view.get_permissions() else []
        return [*({name: []} for name in schemes), *optional]

    def _told(self, attribute: str, default: Any = None) -> Any:
        """What the view says about `attribute` for the present method."""
        told = getattr(self.view, attribute, default)
        return told.get(self.method, default) if isinstance(told, dict) else told

    @property
    def _family(self) -> Family:
        return getattr(self.view, "family", "cfmp")

    def _is_list_view(self, serializer: Any = None) -> bool:
        # We have no viewsets to guess from: a list is said by `many=True`.
        return is_list_serializer(force_instance(serializer)) if serializer is not None else False

    def _get_parameters(self) -> list[Schema]:
        parameters = super()._get_parameters()
        if self._told("answer_shape") == "page" and self.method == "GET":
            parameters += parts.page_parameters(self._family)
        if getattr(getattr(self.view, self.method.lower()), "takes_idempotency_key", False):
            parameters.append(parts.IDEMPOTENCY_KEY)
        return parameters

    def _resolve_path_parameters(self, variables: list[str]) -> list[Schema]:
        ours = re.findall(r"<(order|payment|user):(\w+)>", self.path_regex)
        entities = {variable: entity for entity, variable in ours}
        known = [parts.path_parameter(name, entities[name]) for name in variables if name in entities]
        return known + super()._resolve_path_parameters([name for name in variables if name not in entities])

    def _get_response_bodies(self, direction: Any = "response") -> Schema:
        bodies = super()._get_response_bodies(direction)
        for code, body in bodies.items():
            if code.startswith("2"):
                self._enclose(body)
        for code, description in self._failures().items():
            body = bodies.setdefault(code, {"description": description})
            # Beside what a provider's own answer may be (text), every failure can be ours.
            body.setdefault("content", {}).setdefault("application/json", self._problem())
        return bodies

    def _enclose(self, body: Schema) -> None:
        content = body.setdefault("content", {})
        if content and "application/json" not in content:
            return
        media = content.setdefault("application/json", {})
        media["schema"] = self._shaped(media.get("schema", {}))
        body["description"] = "Done."

    def _shaped(self, schema: Schema) -> Schema:
        shape = self._told("answer_shape", "data")
        if shape == "page":
            return parts.page_schema(self._family, schema)
        if shape == "flat":
            return parts.flat_schema(self._family, schema)
        return schema if shape == "raw" else parts.envelope_schema(self._family, schema)

    def _failures(self) -> dict[str, str]:
        failures = dict(ALWAYS)
        if self.view.get_authenticators():
            failures |= GUARDED
        if self.method in BODIES:
            failures |= WRITES
        return failures | FAILURE

    def _problem(self) -> Schema:
        component = parts.problem_component(self._family)
        self.registry.register_on_missing(component)
        return {"schema": component.ref}


def drop_alias_paths(endpoints: list[Any], **kwargs: Any) -> list[Any]:
    """Each route answers with and without its last slash; the description shows the one its family writes."""
    paths = {path for path, *_ in endpoints}
    return [endpoint for endpoint in endpoints if not _is_alias(endpoint[0], endpoint[3], paths)]


def _is_alias(path: str, callback: Any, paths: set[str]) -> bool:
    slashed = getattr(getattr(callback, "cls", None), "family", "cfmp") == "cfmp"
    if path.endswith("/"):
        return not slashed and path.rstrip("/") in paths
    return slashed and f"{path}/" in paths
