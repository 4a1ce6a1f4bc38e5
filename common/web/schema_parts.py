"""Pieces of the API description that no view owns: problems, envelopes, forms of references and amounts."""

from __future__ import annotations

from typing import Any

from drf_spectacular.extensions import OpenApiSerializerFieldExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import ResolvedComponent

from common.web.converters import FORMS
from common.web.envelopes import Family

Schema = dict[str, Any]

_PLAIN_AMOUNT = r"[1-9][0-9]{0,7}(\.[0-9]{1,2})?"
_CENTS = r"0\.(0[1-9]|[1-9][0-9]?)"

_SECURITY: Schema = {
    "userToken": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
    "accessToken": {"type": "apiKey", "in": "header", "name": "x-cloudmall-access-token"},
    "serviceToken": {"type": "apiKey", "in": "header", "name": "X-Service-Authorization"},
}
# Our authentication classes, and the ways of each to bring its token.
SECURITY_SCHEMES = {
    "ServiceTokenAuthentication": ("serviceToken",),
    "UserTokenAuthentication": ("userToken", "accessToken"),
    "OptionalUserAuthentication": ("userToken", "accessToken"),
}

IDEMPOTENCY_KEY: Schema = {
    "in": "header",
    "name": "Idempotency-Key",
    "description": "The same key and body again: the first answer, marked `Idempotent-Replay: true`.",
    "schema": {"type": "string", "pattern": "^[!-~]{1,255}$"},
}

# What the path converters take.
REFERENCES: Schema = {
    entity: {"type": "string", "pattern": f"^({forms})$"} for entity, forms in FORMS.items()
}


def security_component(name: str) -> ResolvedComponent:
    """The named security scheme."""
    return ResolvedComponent(name, ResolvedComponent.SECURITY_SCHEMA, schema=_SECURITY[name], object=name)


def path_parameter(name: str, entity: str) -> Schema:
    """The path parameter `name` that takes references to `entity`."""
    return {"in": "path", "name": name, "required": True, "schema": REFERENCES[entity]}


def code_schema(family: Family, *values: int) -> Schema:
    """The `code` of `family`: text in CFMP, an integer elsewhere; one of `values` where they are given."""
    if family == "cfmp":
        return {"type": "string", **({"enum": [str(value) for value in values]} if values else {})}
    return {"type": "integer", **({"enum": list(values)} if values else {})}


def problem_schema(family: Family) -> Schema:
    """Every failure of `family`."""
    texts = {"type": "array", "items": {"type": "string"}}
    properties = {
        "code": code_schema(family),
        "name": {"type": "string", "description": "The error's name, the same in every language."},
        "message": {"type": "string"},
        "errors": {"type": "object", "additionalProperties": texts, "description": "Field by field."},
        "request_id": {"type": "string"},
        "data": {"nullable": True},
    }
    return {"type": "object", "required": list(properties), "properties": properties}


def envelope_schema(family: Family, data: Schema) -> Schema:
    """A successful answer of `family` around `data`."""
    properties = {"code": code_schema(family, 200), "message": {"type": "string"}, "data": data}
    return {"type": "object", "required": list(properties), "properties": properties}


def page_schema(family: Family, row: Schema) -> Schema:
    """A page of rows, as `common.web.pagination` answers it."""
    rows = {"type": "array", "items": row}
    whole = {"type": "integer", "minimum": 0}
    if family == "payment_api":
        sizes = dict.fromkeys(("total", "page", "size", "pages"), whole)
        page = {"records": rows, **sizes}
        return envelope_schema(family, {"type": "object", "required": list(page), "properties": page})
    link = {"type": "string", "format": "uri", "nullable": True}
    page = {"count": whole, "next": link, "previous": link, "results": envelope_schema(family, rows)}
    return {"type": "object", "required": list(page), "properties": page}


def flat_schema(family: Family, fields: Schema) -> Schema:
    """`fields` beside the code."""
    code = {"type": "object", "required": ["code"], "properties": {"code": code_schema(family, 200)}}
    return {"allOf": [code, fields]}


def page_parameters(family: Family) -> list[Schema]:
    """The query parameters every page takes."""
    size = "size" if family == "payment_api" else "page_size"
    return [
        _whole_parameter("page", {"minimum": 1, "maximum": 1_000_000, "default": 1}),
        _whole_parameter(size, {"minimum": 1, "maximum": 100, "default": 10}),
    ]


def _whole_parameter(name: str, limits: Schema) -> Schema:
    return {"in": "query", "name": name, "schema": {"type": "integer", **limits}}


def problem_component(family: Family) -> ResolvedComponent:
    """The named component of a family's problems."""
    name = "Problem" if family == "cfmp" else "NumberedProblem"
    return ResolvedComponent(name, ResolvedComponent.SCHEMA, schema=problem_schema(family), object=name)


class AmountFieldSchema(OpenApiSerializerFieldExtension):
    """Amounts go in as text or number, and come out as text with two places."""

    target_class = "common.web.fields.AmountField"

    def map_serializer_field(self, auto_schema: AutoSchema, direction: str) -> Schema:
        if direction == "response":
            return {"type": "string", "pattern": r"^[0-9]+\.[0-9]{2}$", "example": "12.00"}
        text = f"^({_PLAIN_AMOUNT}|{_CENTS}{'|0' if self.target.zero_ok else ''})$"
        least = 0 if self.target.zero_ok else 0.01
        number = {
            "type": "number",
            "minimum": least,
            "maximum": float(self.target.maximum),
            "multipleOf": 0.01,
        }
        return {"oneOf": [{"type": "string", "pattern": text}, number]}


class RefFieldSchema(OpenApiSerializerFieldExtension):
    """References in bodies look as they do in paths."""

    target_class = "common.web.fields.RefField"

    def map_serializer_field(self, auto_schema: AutoSchema, direction: str) -> Schema:
        return REFERENCES[self.target.entity]
