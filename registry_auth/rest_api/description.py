"""The OpenAPI 3.1 description, made from the declarations that serve the requests."""

import re
from collections.abc import Iterable, Mapping, Sequence
from http import HTTPStatus
from typing import Any

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema

from registry_auth import __version__
from registry_auth.rest_api.operations import PREFIX, Operation

_REF_TEMPLATE = "#/components/schemas/{model}"
_JSON = "application/json"
_FORM = "application/x-www-form-urlencoded"

_ERROR = {
    "type": "object",
    "description": "What was refused, and why: `message`, or `error` for parameters and scopes.",
    "properties": {
        "message": {"type": ["string", "object"], "description": "A sentence, or sentences by field."},
        "error": {"type": "string"},
        "error_description": {"type": "string"},
        "scope": {"type": "string", "description": "The scope that the token lacks."},
    },
}

_REASONS = {
    400: "A parameter is missing or wrong.",
    401: "Not logged in, or with a token that is wrong, revoked or expired.",
    403: "The role or the scope of the token is not enough, or the user is blocked.",
    404: "It does not exist, or the caller may not know of it.",
    409: "It contradicts what exists.",
    413: "The body is too large.",
    415: "The body is neither JSON nor a form.",
    429: "Too many wrong tokens from this address.",
    500: "A mistake of the server.",
    503: "The database does not answer now.",
}

_ALWAYS = (401, 403, 413, 429, 500, 503)

_PAGE_HEADERS = {
    "Link": {"description": "Addresses of the pages `prev`, `next`, `first` and `last` (RFC 8288).", "schema": {"type": "string"}},
    "X-Page": {"description": "Number of this page.", "schema": {"type": "integer"}},
    "X-Per-Page": {"description": "Entries of a page.", "schema": {"type": "integer"}},
    "X-Total": {"description": "Entries of all pages.", "schema": {"type": "integer"}},
    "X-Total-Pages": {"description": "Number of pages.", "schema": {"type": "integer"}},
    "X-Next-Page": {"description": "Number of the next page; empty on the last.", "schema": {"type": "string"}},
    "X-Prev-Page": {"description": "Number of the page before; empty on the first.", "schema": {"type": "string"}},
}


class _PublicNames(GenerateJsonSchema):
    """Names schemas without the ending by which the code tells forms from tables."""

    def normalize_name(self, name: str) -> str:
        """Give the name of a component."""
        return super().normalize_name(name).removesuffix("Json")


def describe(operations: Iterable[Operation], external_url: str) -> Mapping[str, Any]:
    """Give the OpenAPI document of these operations."""
    schemas: dict[str, Any] = {"Error": _ERROR}
    paths: dict[str, dict[str, Any]] = {}
    for operation in operations:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(operation, schemas)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "registry-auth",
            "version": __version__,
            "description": "Manage groups, projects, deploy tokens, users and their tokens. Compatible with GitLab's REST API.",
        },
        "servers": [{"url": external_url + PREFIX}],
        "security": [{"private_token": []}, {"bearer": []}],
        "paths": paths,
        "components": {
            "schemas": dict(sorted(schemas.items())),
            "securitySchemes": {
                "private_token": {"type": "apiKey", "in": "header", "name": "PRIVATE-TOKEN", "description": "A personal access token."},
                "bearer": {"type": "http", "scheme": "bearer", "description": "A personal access token."},
            },
        },
    }


def _operation(operation: Operation, schemas: dict[str, Any]) -> Mapping[str, Any]:
    given = _schema(operation.given, schemas, mode="validation")
    in_path = re.findall(r"{(\w+)}", operation.path)
    rest = {name: schema for name, schema in given.get("properties", {}).items() if name not in in_path}
    needed = [name for name in given.get("required", ()) if name in rest]
    has_body = operation.changes and bool(rest)
    parameters = [_path_parameter(operation, name, given) for name in in_path]
    if not operation.changes:
        parameters += [_query_parameter(name, schema, required=name in needed) for name, schema in rest.items()]
    described: dict[str, Any] = {
        "operationId": operation.name,
        "tags": [operation.tag],
        "summary": f"{operation.summary}.",
        "description": _who(operation),
        "parameters": parameters,
        "responses": _responses(operation, schemas, has_body=has_body),
    }
    if not operation.guard.needs_login:
        described["security"] = [{}, {"private_token": []}, {"bearer": []}]
    if has_body:
        body = {"type": "object", "properties": rest, "required": needed}
        described["requestBody"] = {"required": bool(needed), "content": {kind: {"schema": body} for kind in (_JSON, _FORM)}}
    return described


def _who(operation: Operation) -> str:
    scope = "`api`" if operation.changes else "`read_api` or `api`"
    return f"{operation.guard.who} The token needs the scope {scope}."


def _path_parameter(operation: Operation, name: str, given: Mapping[str, Any]) -> Mapping[str, Any]:
    if name == "id":
        description = f"The {operation.guard.kind}: its id, or its path with `/` written as `%2F`."
        return {"name": name, "in": "path", "required": True, "description": description, "schema": {"type": "string"}}
    return {"name": name, "in": "path", "required": True, "schema": given["properties"][name]}


def _query_parameter(name: str, schema: Mapping[str, Any], *, required: bool) -> Mapping[str, Any]:
    description = {"description": schema["description"]} if "description" in schema else {}
    shown = {key: value for key, value in schema.items() if key != "description"}
    return {"name": name, "in": "query", "required": required, **description, "schema": shown}


def _responses(operation: Operation, schemas: dict[str, Any], *, has_body: bool) -> Mapping[str, Any]:
    success: dict[str, Any] = {"description": HTTPStatus(operation.status).phrase}
    if operation.answer is not None:
        schema = _schema(operation.answer, schemas, mode="serialization")
        content = {"type": "array", "items": schema} if operation.is_paged else schema
        success["content"] = {_JSON: {"schema": content}}
    if operation.is_paged:
        success["headers"] = _PAGE_HEADERS
    refusals = {str(status): _refusal(status) for status in _refused_with(operation, has_body=has_body)}
    return {str(operation.status): success, **refusals}


def _refused_with(operation: Operation, *, has_body: bool) -> Sequence[int]:
    statuses = {*_ALWAYS}
    if operation.given.model_fields or operation.is_inside_a_namespace:
        statuses.add(400)
    if "{" in operation.path or has_body:
        statuses.add(404)
    if operation.changes:
        statuses |= {400, 409, 415}
    return sorted(statuses)


def _refusal(status: int) -> Mapping[str, Any]:
    return {"description": _REASONS[status], "content": {_JSON: {"schema": {"$ref": _REF_TEMPLATE.format(model="Error")}}}}


def _schema(kind: Any, schemas: dict[str, Any], *, mode: Any) -> dict[str, Any]:
    """Give the JSON schema of a type; what it refers to goes into the components. Parameters stay where they are."""
    schema = TypeAdapter(kind).json_schema(mode=mode, ref_template=_REF_TEMPLATE, schema_generator=_PublicNames)
    schemas.update(schema.pop("$defs", {}))
    title = str(schema.pop("title", "")).removesuffix("Json")
    if mode == "validation" or schema.get("type") != "object":
        return schema
    schemas[title] = schema
    return {"$ref": _REF_TEMPLATE.format(model=title)}
